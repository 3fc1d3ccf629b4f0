import type { OracleRow } from '../support/run-oracle.js'

/** Anomalies as text without where in the log they are and when they came there: the same events, sent again. */
export const withoutOffsets = (rows: readonly OracleRow[]): string[] =>
  rows
    .map((row) => ({ ...row, first_offset: 0, last_offset: 0, as_of_offset: 0, kafka_ts: 0, produced_ts: 0 }))
    .map((row) => JSON.stringify(row))
    .sort()
