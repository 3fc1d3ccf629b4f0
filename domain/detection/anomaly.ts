import type { Client } from './client.js'
import type { RuleMode } from './rule.js'

/** Raised (open), closed with its condition holding (confirmed), or closed without (retracted). */
export const ANOMALY_STATUSES = ['open', 'confirmed', 'retracted'] as const
export type AnomalyStatus = (typeof ANOMALY_STATUSES)[number]

/** What a person needs to check a decision. A function of the log and the rule alone: no wall clock is in it. */
export interface Evidence {
  readonly rule: {
    readonly kind: string
    readonly version: number
    readonly parameters: Readonly<Record<string, unknown>>
  }
  readonly observed: { readonly events: number; readonly distinct_items: number }
  readonly threshold: { readonly min_events: number; readonly max_distinct_items: number | null }
  readonly first_event_id: string
  readonly last_event_id: string
  /** The event at which the condition first held. */
  readonly crossed: {
    readonly event_id: string
    readonly offset: number
    readonly events: number
    readonly distinct_items: number
    /** Where it came from; absent for events that name none. */
    readonly client?: Client
    /** The trace that it came in (W3C); absent for events that came in none. */
    readonly traceparent?: string
  }
}

/** One version of a row of `anomaly_sessions`: the window as it was when the record at `asOfOffset` had been processed. */
export interface Anomaly {
  readonly sessionId: string
  readonly userId: string | null
  readonly ruleId: string
  readonly ruleVersion: number
  readonly mode: RuleMode
  readonly windowStartMs: number
  readonly windowEndMs: number
  readonly eventCount: number
  readonly distinctItems: number
  readonly status: AnomalyStatus
  readonly firstOffset: number
  readonly lastOffset: number
  readonly asOfOffset: number
  /** ingest_ts of the event that crossed the threshold. */
  readonly producedMs: number
  /** Its log append time. */
  readonly kafkaMs: number
  readonly evidence: Evidence
}
