/** What is to be read of one partition of the clicks, and what is known of the rest. */
export interface LogPart {
  readonly kafka_partition: number
  /** The highest min(event, append) time before the files, and in all of the archive, in ms. */
  readonly before_ms: number
  readonly last_ms: number
}

export interface RulePart {
  readonly kafka_partition: number
  readonly from_offset: number
  /** First offset that it no longer decides; null while it does. */
  readonly to_offset: number | null
  readonly rule_id: string
  readonly rule_version: number
  readonly mode: string
  readonly kind: string
  readonly parameters: Readonly<Record<string, number>>
}
