/** An anomaly as both sides know it. */
export interface ReconciledAnomaly {
  readonly session_id: string
  readonly rule_id: string
  readonly rule_version: number
  readonly mode: string
  readonly window_start_ms: number
  readonly kafka_partition: number
  readonly event_count: number
  readonly distinct_items: number
  readonly first_offset: number
  readonly last_offset: number
  readonly status: string
}

export interface AnomalyDifference {
  /** The detector has not got it; it has it and should not; it has it otherwise. */
  readonly kind: 'missing' | 'extra' | 'different'
  readonly expected: ReconciledAnomaly | null
  readonly stored: ReconciledAnomaly | null
}

const FIELDS = [
  'rule_version',
  'kafka_partition',
  'event_count',
  'distinct_items',
  'first_offset',
  'last_offset',
] as const

const keyOf = (row: ReconciledAnomaly): string =>
  `${row.window_start_ms}\0${row.rule_id}\0${row.mode}\0${row.session_id}`

/**
 * What the stored anomalies have otherwise than the expected ones, by window and session. A window that the archive has not
 * seen the end of may be closed in the table: the detector is ahead of it.
 */
export function compareAnomalies(
  expected: readonly ReconciledAnomaly[],
  stored: readonly ReconciledAnomaly[],
): AnomalyDifference[] {
  const left = new Map(stored.map((row) => [keyOf(row), row]))
  const differences: AnomalyDifference[] = []
  for (const row of expected) {
    const other = left.get(keyOf(row))
    left.delete(keyOf(row))
    if (other === undefined) differences.push({ kind: 'missing', expected: row, stored: null })
    else if (differs(row, other)) differences.push({ kind: 'different', expected: row, stored: other })
  }
  for (const row of left.values()) differences.push({ kind: 'extra', expected: null, stored: row })
  return differences
}

const differs = (expected: ReconciledAnomaly, stored: ReconciledAnomaly): boolean =>
  FIELDS.some((field) => expected[field] !== stored[field]) ||
  (expected.status !== stored.status && expected.status !== 'open')
