import { thousands } from '../ingest/outcome.js'
import type { FlaggedSession, ScanReport, ThresholdEffect } from './scan-report.js'

const BARS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
const CHART_COLUMNS = 60
const SHOWN_SESSIONS = 20

/** The report for a terminal. */
export function textReport(report: ScanReport, sessions: number): string[] {
  return [
    '',
    ...chart(report),
    '',
    ...flagged(report.flagged, sessions),
    '',
    ...thresholds(report.thresholds),
    ...peaks(report),
    '',
    ...clients(report),
    `declared bots: ${percent(report.bots.share)} of the page views, ${thousands(report.bots.sessions)} of ${thousands(sessions)} sessions`,
    '',
  ]
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Events per minute in at most so many columns; each shows the busiest of its minutes. */
export function columnsOf(minutes: ScanReport['minutes'], most: number): number[] {
  const [first] = minutes
  const last = minutes.at(-1)
  if (first === undefined || last === undefined) return []
  const count = (last[0] - first[0]) / 60_000 + 1
  const perColumn = Math.max(1, Math.ceil(count / most))
  const columns = new Array<number>(Math.ceil(count / perColumn)).fill(0)
  for (const [atMs, events] of minutes) {
    const column = Math.floor((atMs - first[0]) / 60_000 / perColumn)
    columns[column] = Math.max(columns[column] ?? 0, events)
  }
  return columns
}

function chart({ minutes, firstMs, lastMs }: ScanReport): string[] {
  const columns = columnsOf(minutes, CHART_COLUMNS)
  if (firstMs === undefined || lastMs === undefined || columns.length === 0) return ['no page views']
  const most = Math.max(...columns)
  const bar = (events: number): string => BARS[events === 0 ? 0 : Math.max(1, Math.round((8 * events) / most))] ?? ' '
  return [
    `page views per minute, at most ${thousands(most)}`,
    `  ${columns.map(bar).join('')}`,
    `  ${new Date(firstMs).toISOString()} to ${new Date(lastMs).toISOString()}`,
  ]
}

function flagged(flaggedSessions: readonly FlaggedSession[], sessions: number): string[] {
  const shown = flaggedSessions.slice(0, SHOWN_SESSIONS)
  return [
    `${thousands(flaggedSessions.length)} of ${thousands(sessions)} sessions flagged`,
    ...shown.map(
      (session) =>
        `  ${session.client ?? session.session_id}  ${session.rules.join(', ')}: ${thousands(session.most_events)} events on ` +
        `${thousands(session.distinct_items)} items in one window (threshold ${session.threshold}), ${thousands(session.windows)} windows ` +
        `from ${session.first_window}${session.declared_bot ? ', a declared bot' : ''}\n      ${(session.user_agent ?? 'no user agent').slice(0, 110)}`,
    ),
    ...(flaggedSessions.length > shown.length
      ? [`  and ${thousands(flaggedSessions.length - shown.length)} more: --json or --html has all`]
      : []),
  ]
}

/** "at 40 instead of 50: 12 more sessions" */
export function effectInWords({ rule_id, min_events, threshold, more_sessions }: ThresholdEffect): string {
  const many = Math.abs(more_sessions)
  const what = many === 1 ? 'session' : 'sessions'
  const change =
    more_sessions === 0 ? 'the same sessions' : `${thousands(many)} ${more_sessions > 0 ? 'more' : 'fewer'} ${what}`
  return `${rule_id} at ${min_events} instead of ${threshold}: ${change}`
}

function thresholds(effects: readonly ThresholdEffect[]): string[] {
  const rules = [...new Set(effects.map(({ rule_id }) => rule_id))]
  return rules.flatMap((rule) => {
    const others = effects.filter(({ rule_id, min_events, threshold }) => rule_id === rule && min_events !== threshold)
    const different = others.filter(({ more_sessions }) => more_sessions !== 0)
    const [least, most] = [others[0]?.min_events ?? 0, others.at(-1)?.min_events ?? 0]
    return different.length === 0
      ? [`  ${rule} flags the same sessions at every threshold from ${least} to ${most} events`]
      : different.map((effect) => `  ${effectInWords(effect)}`)
  })
}

const peaks = ({ peaks: quantiles }: ScanReport): string[] =>
  quantiles.length === 0
    ? []
    : [
        `  page views in the busiest ten seconds of a session: ${quantiles.map(({ quantile, events }) => `${quantile === 1 ? 'most' : `p${100 * quantile}`} ${thousands(events)}`).join(', ')}`,
      ]

const clients = ({ topClients, clients: different, clientsError }: ScanReport): string[] => [
  `${thousands(different)} clients${clientsError > 0 ? ` or more; counts may be ${thousands(clientsError)} too high` : ''}, of which most page views have`,
  ...topClients.map(
    ({ client, events, share }) => `  ${client.padEnd(39)} ${thousands(events).padStart(10)}  ${percent(share)}`,
  ),
]
