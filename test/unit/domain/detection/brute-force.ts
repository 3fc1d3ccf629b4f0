import type { Anomaly, AnomalyStatus } from '../../../../domain/detection/anomaly.js'
import type { Fate, ObservedEvent } from '../../../../domain/detection/fate.js'
import type { RuleMode } from '../../../../domain/detection/rule.js'

/** What says that there is no user. */
const UNKNOWN = new Set(['', '-', '""', '"-"', "''"])

/*
 * Section 4 of the design, said again as plainly as possible: a list of everything accepted, and every window computed
 * from that list, at every event. Slow on purpose. Nothing but types comes from domain/, so that the two can only agree
 * by both being right.
 */

export interface LogRecord {
  readonly offset: number
  readonly appendMs: number
  readonly event: ObservedEvent
}

export interface OracleRule {
  readonly ruleId: string
  readonly version: number
  readonly mode: RuleMode
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly sizeMs: number
  readonly slideMs: number
  readonly minEvents: number
  /** null when the rule does not look at items. */
  readonly maxDistinctItems: number | null
  /** Most items in a thousand events; null when the rule has no such ratio. */
  readonly maxPermille: number | null
}

export interface OraclePolicy {
  readonly allowedLatenessMs: number
  readonly maxFutureSkewMs: number
}

interface RaisedWindow {
  readonly rule: OracleRule
  readonly sessionId: string
  readonly startMs: number
  readonly endMs: number
  readonly crossing: LogRecord
  readonly eventsAtCrossing: number
  readonly itemsAtCrossing: number
  shownUpTo: number
}

export class BruteForce {
  readonly counts = { accepted: 0, duplicate: 0, late: 0, dead: 0 }
  deadCode: string | undefined
  readonly #policy: OraclePolicy
  #rules: readonly OracleRule[]
  readonly #accepted: LogRecord[] = []
  #raised: RaisedWindow[] = []

  constructor(policy: OraclePolicy, rules: readonly OracleRule[]) {
    this.#policy = policy
    this.#rules = rules
  }

  useRules(rules: readonly OracleRule[]): void {
    this.#rules = rules
  }

  get watermarkMs(): number {
    let highest = Number.NEGATIVE_INFINITY
    for (const { event, appendMs } of this.#accepted) highest = Math.max(highest, Math.min(event.event_ts, appendMs))
    return highest - this.#policy.allowedLatenessMs
  }

  get openCount(): number {
    return this.#raised.length
  }

  process(record: LogRecord): { fate: Fate; changes: Anomaly[] } {
    const fate = this.#fateOf(record)
    this.counts[fate]++
    if (fate !== 'accepted') return { fate, changes: [] }
    this.#accepted.push(record)
    const raised = this.#rules.flatMap((rule) => this.#raise(rule, record))
    this.#raised.push(...raised)
    const rows = raised.map((window) => this.#row(window, 'open', undefined))
    return { fate, changes: [...rows, ...this.#close(record.offset)] }
  }

  /** Open windows that events have come to since they were last shown. */
  updates(): Anomaly[] {
    const rows: Anomaly[] = []
    for (const window of this.#raised) {
      const row = this.#row(window, 'open', undefined)
      if (row.lastOffset > window.shownUpTo) rows.push(row)
      window.shownUpTo = row.lastOffset
    }
    return rows
  }

  #fateOf({ event, appendMs }: LogRecord): Fate {
    this.deadCode = undefined
    const named = [event.event_id, event.session_id]
    const texts = event.user_id === null ? named : [...named, event.user_id]
    if (named.includes('') || texts.some((text) => text.length > 512 || text.includes('\0'))) this.deadCode = 'INVALID'
    else if (!(event.event_ts >= Date.UTC(2000, 0, 1) && event.event_ts < Date.UTC(2600, 0, 1)))
      this.deadCode = 'INVALID'
    else if (event.event_ts > appendMs + this.#policy.maxFutureSkewMs) this.deadCode = 'FUTURE_TIMESTAMP'
    if (this.deadCode !== undefined) return 'dead'
    const watermarkMs = this.watermarkMs
    if (event.event_ts < watermarkMs) return 'late'
    const isKnown = this.#accepted.some(
      (other) =>
        other.event.event_id === event.event_id &&
        other.event.session_id === event.session_id &&
        other.event.event_ts >= watermarkMs,
    )
    return isKnown ? 'duplicate' : 'accepted'
  }

  #raise(rule: OracleRule, crossing: LogRecord): RaisedWindow[] {
    const { session_id: sessionId, event_ts: eventMs } = crossing.event
    const windows: RaisedWindow[] = []
    let startMs = eventMs - (eventMs % rule.slideMs)
    while (startMs + rule.sizeMs > eventMs) startMs -= rule.slideMs
    for (startMs += rule.slideMs; startMs <= eventMs; startMs += rule.slideMs) {
      const endMs = startMs + rule.sizeMs
      const isRaised = this.#raised.some(
        (other) =>
          other.sessionId === sessionId &&
          other.startMs === startMs &&
          other.rule.ruleId === rule.ruleId &&
          other.rule.mode === rule.mode,
      )
      const events = this.#eventsIn(sessionId, startMs, endMs)
      if (isRaised || !holds(rule, events)) continue
      windows.push({
        rule,
        sessionId,
        startMs,
        endMs,
        crossing,
        eventsAtCrossing: events.length,
        itemsAtCrossing: distinctItems(events),
        shownUpTo: crossing.offset,
      })
    }
    return windows
  }

  #close(offset: number): Anomaly[] {
    const watermarkMs = this.watermarkMs
    const ended = this.#raised.filter(({ endMs }) => endMs <= watermarkMs).sort((a, b) => a.endMs - b.endMs)
    this.#raised = this.#raised.filter(({ endMs }) => endMs > watermarkMs)
    return ended.map((window) => {
      const isHeld = holds(window.rule, this.#eventsIn(window.sessionId, window.startMs, window.endMs))
      return this.#row(window, isHeld ? 'confirmed' : 'retracted', offset)
    })
  }

  #eventsIn(sessionId: string, startMs: number, endMs: number): LogRecord[] {
    return this.#accepted.filter(
      ({ event }) => event.session_id === sessionId && event.event_ts >= startMs && event.event_ts < endMs,
    )
  }

  #row(window: RaisedWindow, status: AnomalyStatus, closedAt: number | undefined): Anomaly {
    const { rule, crossing } = window
    const events = this.#eventsIn(window.sessionId, window.startMs, window.endMs)
    const [first, last] = [events.at(0), events.at(-1)]
    if (!first || !last) throw new Error('a raised window has events')
    const users = events.map(({ event }) => event.user_id).filter((user) => user !== null && !UNKNOWN.has(user.trim()))
    return {
      sessionId: window.sessionId,
      userId: users.at(-1) ?? null,
      ruleId: rule.ruleId,
      ruleVersion: rule.version,
      mode: rule.mode,
      windowStartMs: window.startMs,
      windowEndMs: window.endMs,
      eventCount: events.length,
      distinctItems: distinctItems(events),
      status,
      firstOffset: first.offset,
      lastOffset: last.offset,
      asOfOffset: closedAt ?? last.offset,
      producedMs: crossing.event.ingest_ts,
      kafkaMs: crossing.appendMs,
      evidence: {
        rule: { kind: rule.kind, version: rule.version, parameters: rule.parameters },
        observed: { events: events.length, distinct_items: distinctItems(events) },
        threshold: { min_events: rule.minEvents, max_distinct_items: mostItems(rule, events) },
        first_event_id: first.event.event_id,
        last_event_id: last.event.event_id,
        crossed: {
          event_id: crossing.event.event_id,
          offset: crossing.offset,
          events: window.eventsAtCrossing,
          distinct_items: window.itemsAtCrossing,
        },
      },
    }
  }
}

const holds = (rule: OracleRule, events: readonly LogRecord[]): boolean =>
  events.length >= rule.minEvents &&
  (rule.maxDistinctItems === null || distinctItems(events) <= rule.maxDistinctItems) &&
  (rule.maxPermille === null || distinctItems(events) * 1_000 <= rule.maxPermille * events.length)

/** The whole number of items that the rule allows, as evidence says it. */
const mostItems = (rule: OracleRule, events: readonly LogRecord[]): number | null =>
  rule.maxPermille === null ? rule.maxDistinctItems : Math.floor((rule.maxPermille * events.length) / 1_000)

const distinctItems = (events: readonly LogRecord[]): number =>
  new Set(events.map(({ event }) => event.item_id).filter((item) => item !== null)).size
