import { ABNORMAL_KINDS, type AbnormalKind } from './abnormal-steps.js'
import { FATES, type Fate, type PlannedRecord } from './planned-record.js'
import type { TrafficPlan } from './shop-traffic.js'

/** The truth about a stream, as far as it was sent: what was planted, where it went, and what must become of it. */
export interface Manifest {
  readonly seed: number
  readonly start: string
  readonly clock: TrafficPlan['clock']
  readonly recordsPerSecond: number
  /** Records sent, all topics together. */
  readonly records: number
  readonly events: Readonly<Record<'click' | 'purchase' | 'malformed', number>>
  /** By topic: what must become of its records, if the allowed lateness is 30 s. */
  readonly fates: Readonly<Record<string, Readonly<Record<Fate, number>>>>
  readonly outOfOrder: number
  readonly malformed: Readonly<Record<string, number>>
  readonly abnormal: Readonly<Record<AbnormalKind, number>>
  readonly abnormalSessions: readonly AbnormalSession[]
  /** Abnormal sessions beyond the first 50,000, which the list leaves out. */
  readonly abnormalSessionsLeftOut: number
  /** By topic, then by partition: records sent. */
  readonly produced: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface AbnormalSession {
  readonly session_id: string
  readonly kind: AbnormalKind
  /** Event time of its first and last click, as sent. */
  readonly from: string
  readonly to: string
  /** Clicks that must be accepted. */
  readonly accepted: number
}

const MOST_SESSIONS = 50_000

interface SessionCount {
  readonly kind: AbnormalKind
  fromMs: number
  toMs: number
  accepted: number
}

/** Counts what is sent. Its size is bounded: of very many abnormal sessions only the first are listed. */
export class ManifestWriter {
  readonly #plan: TrafficPlan
  readonly #events = { click: 0, purchase: 0, malformed: 0 }
  readonly #fates = new Map<string, Record<Fate, number>>()
  readonly #malformed: Record<string, number> = {}
  readonly #produced = new Map<string, Record<string, number>>()
  readonly #sessions = new Map<string, SessionCount>()
  readonly #abnormal = Object.fromEntries(ABNORMAL_KINDS.map((kind) => [kind, 0])) as Record<AbnormalKind, number>
  #leftOut = new Set<string>()
  #leftOutCount = 0
  #outOfOrder = 0

  constructor(plan: TrafficPlan) {
    this.#plan = plan
  }

  get records(): number {
    return this.#events.click + this.#events.purchase + this.#events.malformed
  }

  count(record: PlannedRecord, topic: string, partition: number): void {
    this.#events[record.event.kind]++
    const fates = this.#fates.get(topic) ?? noFates()
    this.#fates.set(topic, fates)
    fates[record.fate]++
    const produced = this.#produced.get(topic) ?? {}
    this.#produced.set(topic, produced)
    produced[partition] = (produced[partition] ?? 0) + 1
    if (record.isOutOfOrder) this.#outOfOrder++
    if (record.event.kind === 'malformed') {
      const { malformation } = record.event
      this.#malformed[malformation] = (this.#malformed[malformation] ?? 0) + 1
    } else if (record.event.kind === 'click') this.#countAbnormal(record, record.event.click.event_ts)
  }

  #countAbnormal({ session: { kind, visitor }, fate }: PlannedRecord, eventMs: number): void {
    if (kind === 'person' || this.#leftOut.has(visitor.sessionId)) return
    const counted = this.#sessions.get(visitor.sessionId)
    if (counted) {
      counted.fromMs = Math.min(counted.fromMs, eventMs)
      counted.toMs = Math.max(counted.toMs, eventMs)
      if (fate === 'accepted') counted.accepted++
      return
    }
    this.#abnormal[kind]++
    const accepted = fate === 'accepted' ? 1 : 0
    if (this.#sessions.size < MOST_SESSIONS)
      this.#sessions.set(visitor.sessionId, { kind, fromMs: eventMs, toMs: eventMs, accepted })
    else this.#leaveOut(visitor.sessionId)
  }

  #leaveOut(sessionId: string): void {
    if (this.#leftOut.size >= MOST_SESSIONS) this.#leftOut = new Set()
    this.#leftOut.add(sessionId)
    this.#leftOutCount++
  }

  manifest(): Manifest {
    return {
      seed: this.#plan.seed,
      start: new Date(this.#plan.startMs).toISOString(),
      clock: this.#plan.clock,
      recordsPerSecond: this.#plan.recordsPerSecond,
      records: this.records,
      events: { ...this.#events },
      fates: Object.fromEntries(this.#fates),
      outOfOrder: this.#outOfOrder,
      malformed: { ...this.#malformed },
      abnormal: { ...this.#abnormal },
      abnormalSessions: [...this.#sessions].map(([session_id, { kind, fromMs, toMs, accepted }]) => ({
        session_id,
        kind,
        from: new Date(fromMs).toISOString(),
        to: new Date(toMs).toISOString(),
        accepted,
      })),
      abnormalSessionsLeftOut: this.#leftOutCount,
      produced: Object.fromEntries(this.#produced),
    }
  }
}

const noFates = (): Record<Fate, number> => Object.fromEntries(FATES.map((fate) => [fate, 0])) as Record<Fate, number>
