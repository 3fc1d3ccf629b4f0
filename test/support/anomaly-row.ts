import type { Queryable } from '../../db/pool.js'
import type { AnomalyRow } from '../../db/read-models/anomalies.js'
import { ensureDayPartition } from '../../db/stores/partitions.js'
import { utcDayOf } from '../../domain/utc-day.js'
import { anomalySessions } from '../../db/tables/anomaly-sessions.js'

const at = (text: string) => new Date(text)

/** A row of `anomaly_sessions`, of which a test says only what matters to it. */
export const anomalyRow = (of: Partial<AnomalyRow> = {}): AnomalyRow => ({
  sessionId: 's1',
  userId: null,
  ruleId: 'HIGH_FREQUENCY',
  ruleVersion: 1,
  windowStart: at('2026-10-01T12:00:00Z'),
  windowEnd: at('2026-10-01T12:00:10Z'),
  eventCount: 61,
  distinctItems: 7,
  status: 'confirmed',
  mode: 'active',
  evidence: { threshold: 50, observed: 61 },
  topic: 'km.clicks.v1',
  kafkaPartition: 0,
  firstOffset: 10,
  lastOffset: 70,
  asOfOffset: 9_007_199_254_740_991,
  producedTs: at('2026-10-01T12:00:08.001Z'),
  kafkaTs: at('2026-10-01T12:00:08.002Z'),
  detectedTs: at('2026-10-01T12:00:08.003Z'),
  dbWriteTs: at('2026-10-01T12:00:08.004Z'),
  verdict: 'undecided',
  allowlistEntryId: null,
  incomplete: false,
  ...of,
})

/** Stores rows, and makes the partitions of their days. */
export async function insertAnomalies(db: Queryable, rows: readonly AnomalyRow[]): Promise<void> {
  for (const day of new Set(rows.map((row) => utcDayOf(row.windowStart.getTime())))) await ensureDayPartition(db, day)
  await db.select((orm) => orm.insert(anomalySessions).values([...rows]))
}
