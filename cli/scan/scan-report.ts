import type { Anomaly as AnomalyDocument } from '../../schemas/rest/anomalies.js'
import { anomalyIdOf } from '../../schemas/rest/anomaly-id.js'
import { TOPICS } from '../../domain/events.js'
import type { LogReading } from '../ingest/log-reading.js'
import type { RulePeaks, Scan, ScannedAnomaly } from './scan.js'

/** A session with at least one window in which a rule held. */
export interface FlaggedSession {
  readonly session_id: string
  readonly client: string | null
  readonly user_agent: string | null
  readonly declared_bot: boolean
  readonly rules: readonly string[]
  readonly windows: number
  readonly first_window: string
  readonly last_window: string
  /** The window with the most events. */
  readonly most_events: number
  readonly distinct_items: number
  readonly threshold: number
}

/** How many sessions a rule would flag at another threshold. */
export interface ThresholdEffect {
  readonly rule_id: string
  readonly min_events: number
  /** The rule's own. */
  readonly threshold: number
  readonly sessions: number
  /** Compared with the rule as it is. */
  readonly more_sessions: number
}

export interface ScanReport {
  readonly anomalies: readonly AnomalyDocument[]
  readonly flagged: readonly FlaggedSession[]
  readonly topClients: readonly { readonly client: string; readonly events: number; readonly share: number }[]
  readonly clients: number
  /** By how much the events of a client may be too high; 0 when they are exact. */
  readonly clientsError: number
  readonly bots: { readonly events: number; readonly share: number; readonly sessions: number }
  readonly minutes: readonly (readonly [number, number])[]
  readonly thresholds: readonly ThresholdEffect[]
  /** Events in the busiest ten seconds of a session, by share of all sessions. */
  readonly peaks: readonly { readonly quantile: number; readonly events: number }[]
  readonly firstMs: number | undefined
  readonly lastMs: number | undefined
}

const TOP_CLIENTS = 10
const QUANTILES = [0.5, 0.9, 0.99, 0.999, 0.9999, 1]
const SHARES = [0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.5, 2, 3]

export function reportOf(scan: Scan, reading: LogReading, isDeclaredBot: (userAgent: string) => boolean): ScanReport {
  const scanned = scan.anomalies()
  return {
    anomalies: scanned.map(documentOf),
    flagged: flaggedSessions(scanned, isDeclaredBot),
    topClients: scan.clients
      .top(TOP_CLIENTS)
      .map(([client, events]) => ({ client, events, share: share(events, scan.events) })),
    clients: scan.clients.size,
    clientsError: scan.clients.error,
    bots: { events: scan.botEvents, share: share(scan.botEvents, scan.events), sessions: scan.botSessions },
    minutes: scan.minutes(),
    thresholds: scan.rulePeaks().flatMap(effectsOf),
    peaks:
      reading.sessions === 0 ? [] : QUANTILES.map((quantile) => ({ quantile, events: scan.peakQuantile(quantile) })),
    firstMs: reading.firstMs,
    lastMs: reading.lastMs,
  }
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : Number((part / whole).toFixed(4)))

/** As `GET /anomalies` returns it; nobody has given a verdict, and event time stands for the times that a pipeline takes. */
function documentOf({ anomaly, partition }: ScannedAnomaly): AnomalyDocument {
  const { sessionId, ruleId, mode, windowStartMs, windowEndMs } = anomaly
  const windowStart = new Date(windowStartMs)
  const crossed = new Date(anomaly.kafkaMs).toISOString()
  return {
    id: anomalyIdOf({ windowStart, sessionId, ruleId, mode }),
    session_id: sessionId,
    user_id: anomaly.userId,
    rule_id: ruleId,
    rule_version: anomaly.ruleVersion,
    window_start: windowStart.toISOString(),
    window_end: new Date(windowEndMs).toISOString(),
    event_count: anomaly.eventCount,
    distinct_items: anomaly.distinctItems,
    status: anomaly.status,
    mode,
    verdict: 'undecided',
    allowlist_entry_id: null,
    incomplete: false,
    evidence: { ...anomaly.evidence },
    topic: TOPICS.clicks,
    kafka_partition: partition,
    first_offset: anomaly.firstOffset,
    last_offset: anomaly.lastOffset,
    as_of_offset: anomaly.asOfOffset,
    produced_ts: crossed,
    kafka_ts: crossed,
    detected_ts: crossed,
    db_write_ts: crossed,
  }
}

/** Most events first. */
function flaggedSessions(
  scanned: readonly ScannedAnomaly[],
  isDeclaredBot: (userAgent: string) => boolean,
): FlaggedSession[] {
  const bySession = new Map<string, ScannedAnomaly[]>()
  for (const one of scanned) {
    if (one.anomaly.status === 'retracted') continue
    const windows = bySession.get(one.anomaly.sessionId)
    if (windows === undefined) bySession.set(one.anomaly.sessionId, [one])
    else windows.push(one)
  }
  return [...bySession.values()]
    .map((windows) => flaggedSession(windows, isDeclaredBot))
    .sort((a, b) => b.most_events / b.threshold - a.most_events / a.threshold || (a.session_id < b.session_id ? -1 : 1))
}

function flaggedSession(
  windows: readonly ScannedAnomaly[],
  isDeclaredBot: (userAgent: string) => boolean,
): FlaggedSession {
  const rows = windows.map(({ anomaly }) => anomaly)
  const excess = (row: (typeof rows)[number]) => row.eventCount / row.evidence.threshold.min_events
  const most = rows.reduce((best, row) => (excess(row) > excess(best) ? row : best))
  const client = most.evidence.crossed.client
  const starts = rows.map(({ windowStartMs }) => windowStartMs)
  return {
    session_id: most.sessionId,
    client: client?.ip ?? null,
    user_agent: client?.user_agent ?? null,
    declared_bot: client?.user_agent !== null && client?.user_agent !== undefined && isDeclaredBot(client.user_agent),
    rules: [...new Set(rows.map(({ ruleId }) => ruleId))].sort(),
    windows: rows.length,
    first_window: new Date(starts.reduce((a, b) => Math.min(a, b))).toISOString(),
    last_window: new Date(starts.reduce((a, b) => Math.max(a, b))).toISOString(),
    most_events: most.eventCount,
    distinct_items: most.distinctItems,
    threshold: most.evidence.threshold.min_events,
  }
}

function effectsOf({ rule, peaks, fromEvents }: RulePeaks): ThresholdEffect[] {
  const { minEvents } = rule.condition
  const values = [...peaks.values()]
  const at = (threshold: number): number => values.reduce((count, peak) => count + (peak >= threshold ? 1 : 0), 0)
  const thresholds = new Set(
    SHARES.map((part) => Math.round(part * minEvents)).filter((events) => events >= fromEvents),
  )
  const now = at(minEvents)
  return [...thresholds].map((min_events) => {
    const sessions = at(min_events)
    return { rule_id: rule.ruleId, min_events, threshold: minEvents, sessions, more_sessions: sessions - now }
  })
}
