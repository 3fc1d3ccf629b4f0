import { isAtLeast, SEVERITIES, type AlertSource, type Observation, type Severity } from './observation.js'
import { silenceOver, type Silence } from './silence.js'

/** Why an alert was not sent. A closed list: it is a column. */
export const SUPPRESSIONS = ['window', 'flapping', 'silence', 'maintenance', 'not_announced', 'no_channel'] as const
export type Suppression = (typeof SUPPRESSIONS)[number]

export interface AlertPolicy {
  /** For so long after a message, the same fingerprint and severity, or a milder one, is not sent again. */
  readonly windowMs: number
  /** So long nothing must have been seen before a cause counts as gone. */
  readonly recoverAfterMs: number
}

/** A message that went out. */
export interface SentMark {
  readonly alertId: string
  readonly atMs: number
  readonly incidentId: string
}

/** What is remembered of a fingerprint between two looks. */
export interface AlertState {
  readonly fingerprint: string
  readonly source: AlertSource
  readonly cause: string
  /** Of the last time that it was seen. */
  readonly severity: Severity
  /** The alert that opened the incident; null while there is none. */
  readonly incidentId: string | null
  readonly lastSeenMs: number
  readonly sent: Readonly<Partial<Record<Severity, SentMark>>>
  /** Whether somebody was told, and has not been told yet that it is over. */
  readonly isAnnounced: boolean
  /** Alerts that were not sent since the last message, and what they and looks below the thresholds counted. */
  readonly swallowedAlerts: number
  readonly swallowedCount: number
}

/** What is written down about a look, and sent if nothing suppressed it. */
export interface AlertEntry {
  readonly kind: 'firing' | 'recovered'
  readonly severity: Severity
  readonly incidentId: string
  readonly suppressedBy: { readonly by: Suppression; readonly id: string | null } | null
  /** How much this look counted. */
  readonly count: number
  /** Since the last message, this look left out. */
  readonly swallowedAlerts: number
  readonly swallowedCount: number
}

export interface Decision {
  readonly state: AlertState
  /** Null when there is nothing to write down. */
  readonly entry: AlertEntry | null
}

export interface Look {
  readonly nowMs: number
  /** What an entry of this look will be known by. */
  readonly alertId: string
  readonly silences: readonly Silence[]
  /** Whether a channel is configured: a message that nobody could receive is none. */
  readonly isReceivable: boolean
}

/** A message that reached nobody: every channel refused it, or there was none. */
export interface UnreceivedMessage extends Pick<AlertEntry, 'count' | 'swallowedAlerts' | 'swallowedCount'> {
  readonly alertId: string
}

/** The state as if messages that reached nobody had not been sent: they suppress nothing, and what they said is owed. */
export function withoutUnreceived(state: AlertState, unreceived: readonly UnreceivedMessage[]): AlertState {
  const lost = unreceived.filter(({ alertId }) => Object.values(state.sent).some((mark) => mark.alertId === alertId))
  if (lost.length === 0) return state
  const isKept = (mark: SentMark) => lost.every(({ alertId }) => alertId !== mark.alertId)
  return {
    ...state,
    sent: Object.fromEntries(Object.entries(state.sent).filter(([, mark]) => isKept(mark))),
    swallowedAlerts: lost.reduce((sum, one) => sum + one.swallowedAlerts + 1, state.swallowedAlerts),
    swallowedCount: lost.reduce((sum, one) => sum + one.swallowedCount + one.count, state.swallowedCount),
  }
}

/**
 * Decides what one look at one cause comes to. A message goes out when the cause is seen and no message of its severity
 * or a worse one went out within the window: so warning to critical always does, and no severity is sent twice within
 * it, whatever opens and closes in between. While no channel is configured nothing goes out, and nothing is suppressed
 * by it later. It is over when nothing was seen for a while, which is told once, and only
 * to those who were told that it began. A recovery waits for the end of a silence.
 * @param seen undefined when the look found nothing of it
 */
export function decideAlert(
  seen: Observation | undefined,
  state: AlertState | undefined,
  policy: AlertPolicy,
  look: Look,
): Decision | undefined {
  if (seen?.severity)
    return decideFiring(seen, seen.severity, state ?? unknownBefore(seen, seen.severity), policy, look)
  if (state === undefined || state.incidentId === null) return undefined
  return decideQuiet(seen?.count ?? 0, state, state.incidentId, policy, look)
}

const unknownBefore = ({ fingerprint, source, cause }: Observation, severity: Severity): AlertState => ({
  fingerprint,
  source,
  cause,
  severity,
  incidentId: null,
  lastSeenMs: 0,
  sent: {},
  isAnnounced: false,
  swallowedAlerts: 0,
  swallowedCount: 0,
})

const NO_CHANNEL = { by: 'no_channel', id: null } as const

function decideFiring(
  seen: Observation,
  severity: Severity,
  before: AlertState,
  { windowMs }: AlertPolicy,
  { nowMs, alertId, silences, isReceivable }: Look,
): Decision {
  const incidentId = before.incidentId ?? alertId
  const { swallowedAlerts, swallowedCount } = before
  const suppressedBy =
    suppressor(before, severity, incidentId, nowMs - windowMs, silences, nowMs) ?? (isReceivable ? null : NO_CHANNEL)
  const entry = {
    kind: 'firing',
    ...{ severity, incidentId, suppressedBy, count: seen.count, swallowedAlerts, swallowedCount },
  } as const
  const state = { ...before, cause: seen.cause, severity, incidentId, lastSeenMs: nowMs }
  if (suppressedBy === null)
    return {
      entry,
      state: {
        ...state,
        sent: { ...before.sent, [severity]: { alertId, atMs: nowMs, incidentId } },
        isAnnounced: true,
        swallowedAlerts: 0,
        swallowedCount: 0,
      },
    }
  return {
    entry,
    state: { ...state, swallowedAlerts: swallowedAlerts + 1, swallowedCount: swallowedCount + seen.count },
  }
}

function suppressor(
  { fingerprint, sent }: AlertState,
  severity: Severity,
  incidentId: string,
  windowStartMs: number,
  silences: readonly Silence[],
  nowMs: number,
): AlertEntry['suppressedBy'] {
  const covering = SEVERITIES.filter((one) => isAtLeast(one, severity))
    .map((one) => sent[one])
    .reverse()
    .find((mark) => mark !== undefined && mark.atMs > windowStartMs)
  if (covering) return { by: covering.incidentId === incidentId ? 'window' : 'flapping', id: covering.alertId }
  const silence = silenceOver(silences, fingerprint, severity, nowMs)
  return silence ? { by: silence.kind, id: silence.silenceId } : null
}

function decideQuiet(
  count: number,
  before: AlertState,
  incidentId: string,
  { recoverAfterMs }: AlertPolicy,
  { nowMs, silences, isReceivable }: Look,
): Decision | undefined {
  const { fingerprint, severity, swallowedAlerts, swallowedCount, isAnnounced } = before
  const isOver = nowMs - before.lastSeenMs >= recoverAfterMs
  const isSilent = silenceOver(silences, fingerprint, severity, nowMs) !== undefined
  if (!isOver || (isAnnounced && isSilent))
    return count === 0 ? undefined : { entry: null, state: { ...before, swallowedCount: swallowedCount + count } }
  const entry = { kind: 'recovered', severity, incidentId, count, swallowedAlerts, swallowedCount } as const
  const closed = { ...before, incidentId: null, isAnnounced: false }
  if (isAnnounced && isReceivable)
    return { entry: { ...entry, suppressedBy: null }, state: { ...closed, swallowedAlerts: 0, swallowedCount: 0 } }
  return {
    entry: { ...entry, suppressedBy: isAnnounced ? NO_CHANNEL : { by: 'not_announced', id: null } },
    state: { ...closed, swallowedCount: swallowedCount + count },
  }
}
