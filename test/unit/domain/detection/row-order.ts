import type { Anomaly } from '../../../../domain/detection/anomaly.js'

const identity = (row: Anomaly): string =>
  [row.ruleId, row.mode, String(row.windowStartMs).padStart(16, '0'), row.status, row.sessionId].join('|')

/** Rows in an order that does not depend on who made them: the contract names no order among rows of one record. */
export const byIdentity = (rows: readonly Anomaly[]): Anomaly[] =>
  [...rows].sort((a, b) => (identity(a) < identity(b) ? -1 : 1))
