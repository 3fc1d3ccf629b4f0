import { thousands } from '../ingest/outcome.js'
import type { FlaggedSession, ScanReport, ThresholdEffect } from './scan-report.js'
import { columnsOf, effectInWords } from './text-report.js'

export interface HtmlFacts {
  readonly files: readonly string[]
  readonly sessions: number
  readonly summary: string
}

const CHART = { width: 960, height: 160, columns: 240 }
const SHOWN_SESSIONS = 1_000

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --soft: #5b6875; --line: #d8dee4; --bar: #3a6ea5; --hot: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --paper: #14191f; --soft: #9aa7b4; --line: #2c3641; --bar: #6fa3d8; --hot: #f2857c; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.soft, .soft { color: var(--soft); } .figures { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; }
.figures b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.agent { word-break: break-word; max-width: 22rem; }
.scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
.bar { fill: var(--bar); } .hot { fill: var(--hot); } .axis { stroke: var(--line); }`

/** The report as one page that needs nothing else: no script, no font, no address is loaded. */
export function htmlReport(report: ScanReport, { files, sessions, summary }: HtmlFacts): string {
  const title = `Guardian scan of ${files.length === 1 ? (files[0] ?? '') : `${files.length} logs`}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title><style>${STYLE}</style></head><body>
<h1>${escape(title)}</h1>
<p class="soft">${escape(span(report))}<br>${escape(summary)}</p>
<div class="figures">${[
    figure(report.flagged.length, 'flagged sessions'),
    figure(sessions, 'sessions'),
    figure(report.clients, 'clients'),
    `<div><b>${(100 * report.bots.share).toFixed(1)} %</b>of the page views by declared bots</div>`,
  ].join('')}</div>
<h2>Page views per minute</h2>${minuteChart(report)}
<h2>Flagged sessions</h2>${sessionTable(report.flagged)}
<h2>Other thresholds</h2>${thresholdCharts(report.thresholds)}${peakLine(report)}
<h2>Clients with the most page views</h2>${clientTable(report)}
</body></html>
`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => ESCAPES[char] ?? char)

const figure = (count: number, label: string): string => `<div><b>${thousands(count)}</b>${label}</div>`

const time = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

const span = ({ firstMs, lastMs }: ScanReport): string =>
  firstMs === undefined || lastMs === undefined ? 'no page views' : `${time(firstMs)} to ${time(lastMs)} UTC`

/** The busiest minute of each column; columns in which a flagged window begins are in another colour. */
function minuteChart({ minutes, flagged, firstMs, lastMs }: ScanReport): string {
  const columns = columnsOf(minutes, CHART.columns)
  const [first] = minutes
  const last = minutes.at(-1)
  if (first === undefined || last === undefined || firstMs === undefined || lastMs === undefined)
    return '<p class="soft">no page views</p>'
  const most = Math.max(...columns)
  const width = CHART.width / columns.length
  const columnMs = Math.ceil(((last[0] - first[0]) / 60_000 + 1) / columns.length) * 60_000
  const hot = new Set(
    flagged.flatMap(({ first_window, last_window }) =>
      [first_window, last_window].map((start) => Math.floor((Date.parse(start) - first[0]) / columnMs)),
    ),
  )
  const bars = columns.map((events, at) => {
    const height = (CHART.height * events) / most
    const x = (at * width).toFixed(2)
    return `<rect class="${hot.has(at) ? 'hot' : 'bar'}" x="${x}" y="${(CHART.height - height).toFixed(2)}" width="${Math.max(0.5, width - 0.5).toFixed(2)}" height="${height.toFixed(2)}"/>`
  })
  return `<svg role="img" viewBox="0 0 ${CHART.width} ${CHART.height + 20}" aria-label="page views per minute, at most ${most}">
<line class="axis" x1="0" x2="${CHART.width}" y1="${CHART.height}" y2="${CHART.height}"/>${bars.join('')}
<text x="0" y="${CHART.height + 15}">${time(firstMs)} UTC</text><text x="${CHART.width}" y="${CHART.height + 15}" text-anchor="end">${time(lastMs)} UTC</text>
</svg><p class="soft">At most ${thousands(most)} in a minute. Red: a flagged session begins or ends there.</p>`
}

function sessionTable(flagged: readonly FlaggedSession[]): string {
  if (flagged.length === 0) return '<p>No session is flagged.</p>'
  const rows = flagged.slice(0, SHOWN_SESSIONS).map(
    (
      session,
    ) => `<tr><td>${escape(session.client ?? '–')}<br><span class="soft">${escape(session.session_id)}</span></td>
<td>${escape(session.rules.join(', '))}</td><td class="n">${thousands(session.most_events)} of ${session.threshold}</td>
<td class="n">${thousands(session.distinct_items)}</td><td class="n">${thousands(session.windows)}</td><td>${time(Date.parse(session.first_window))}</td>
<td class="agent">${escape(session.user_agent ?? '–')}${session.declared_bot ? ' <b>declared bot</b>' : ''}</td></tr>`,
  )
  const left = flagged.length - rows.length
  return `<div class="scroll"><table><thead><tr><th>client, session</th><th>rules</th><th class="n">most events in a window, of threshold</th><th class="n">items</th><th class="n">windows</th><th>first, UTC</th><th>user agent</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>${left > 0 ? `<p class="soft">${thousands(left)} more are in the JSON document.</p>` : ''}`
}

function thresholdCharts(effects: readonly ThresholdEffect[]): string {
  const rules = [...new Set(effects.map(({ rule_id }) => rule_id))]
  return rules
    .map((rule) =>
      thresholdChart(
        rule,
        effects.filter(({ rule_id }) => rule_id === rule),
      ),
    )
    .join('')
}

function thresholdChart(rule: string, effects: readonly ThresholdEffect[]): string {
  const most = Math.max(1, ...effects.map(({ sessions }) => sessions))
  const rows = effects.map((effect, at) => {
    const isNow = effect.min_events === effect.threshold
    const width = (600 * effect.sessions) / most
    const words = isNow ? 'as it is' : effectInWords(effect).replace(`${rule} `, '')
    return `<text x="0" y="${at * 22 + 15}">${effect.min_events}</text><rect class="${isNow ? 'hot' : 'bar'}" x="50" y="${at * 22 + 3}" width="${width.toFixed(1)}" height="15"/><text x="${(56 + width).toFixed(1)}" y="${at * 22 + 15}">${thousands(effect.sessions)} sessions, ${escape(words)}</text>`
  })
  return `<h3>${escape(rule)}</h3><svg role="img" viewBox="0 0 ${CHART.width} ${effects.length * 22 + 4}" aria-label="sessions that ${escape(rule)} flags, by threshold">${rows.join('')}</svg>`
}

const peakLine = ({ peaks }: ScanReport): string =>
  peaks.length === 0
    ? ''
    : `<p class="soft">Page views in the busiest ten seconds of a session: ${peaks
        .map(({ quantile, events }) => `${quantile === 1 ? 'most' : `p${100 * quantile}`} ${thousands(events)}`)
        .join(', ')}.</p>`

function clientTable({ topClients, clientsError }: ScanReport): string {
  const rows = topClients.map(
    ({ client, events, share }) =>
      `<tr><td>${escape(client)}</td><td class="n">${thousands(events)}</td><td class="n">${(100 * share).toFixed(2)} %</td></tr>`,
  )
  const exact = clientsError === 0 ? '' : `<p class="soft">Counts may be ${thousands(clientsError)} too high.</p>`
  return `<table><thead><tr><th>client</th><th class="n">page views</th><th class="n">share</th></tr></thead><tbody>${rows.join('')}</tbody></table>${exact}`
}
