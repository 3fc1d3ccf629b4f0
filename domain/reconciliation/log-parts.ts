/** What is to be read of one log of one partition of the clicks, and what is known of the rest of it. */
export interface LogPart {
  readonly kafka_partition: number
  /** Which log under the topic's name: offsets, watermark and duplicates begin again with each. */
  readonly log: number
  /** The highest min(event, append) time, of events and ticks, before the files, and in all of the log that is archived, in ms. */
  readonly before_ms: number
  readonly last_ms: number
}

/** A tick of the log: event time up to which an idle partition was taken as complete. */
export interface TickPart {
  readonly kafka_partition: number
  readonly log: number
  readonly kafka_offset: number
  readonly tick_ms: number
}

export interface RulePart {
  readonly kafka_partition: number
  readonly log: number
  readonly from_offset: number
  /** First offset that it no longer decides; null while it does. */
  readonly to_offset: number | null
  readonly rule_id: string
  readonly rule_version: number
  readonly mode: string
  readonly kind: string
  readonly parameters: Readonly<Record<string, number>>
}
