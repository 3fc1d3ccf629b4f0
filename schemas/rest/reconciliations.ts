import { z } from 'zod'
import { LiveAnomalyIdText } from './anomaly-id.js'
import { AnomalyMode, AnomalyStatus } from './anomalies.js'
import { pageCursor, pageLimit, pageWith } from './page.js'
import { dayText, Timestamp } from './parameters.js'

const count = z.int().min(0)
const Day = dayText.meta({ example: '2026-10-01' })
const KINDS = ['missing', 'extra', 'different'] as const
const page = pageWith(z.string().nullable().meta({ description: 'Null on the last page' }))

/** The query of `GET /reconciliations`. @param pageLimitMax how many days a page may have */
export const reconciliationListQuery = (pageLimitMax: number) =>
  z.strictObject({
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(Day),
  })

export const ReconciliationParams = z.strictObject({ day: Day })

/** The query of `GET /reconciliations/{day}/differences`. @param pageLimitMax how many rows a page may have */
export const differenceListQuery = (pageLimitMax: number) =>
  z.strictObject({
    kind: z.enum(KINDS, `not one of ${KINDS.join(', ')}`).optional(),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(LiveAnomalyIdText),
  })

export const Reconciliation = z
  .strictObject({
    day: Day,
    expected: count.meta({ description: 'Anomalies that SQL finds in the archive of the day' }),
    stored: count.meta({ description: 'Anomalies of the day that the detector has stored' }),
    missing: count.meta({ description: 'Expected, and not stored' }),
    extra: count.meta({ description: 'Stored, and not expected' }),
    different: count.meta({ description: 'Both, but not alike' }),
    reconciled_ts: Timestamp,
  })
  .meta({ id: 'Reconciliation' })
export type Reconciliation = z.output<typeof Reconciliation>

export const ReconciliationList = z
  .strictObject({ data: z.array(Reconciliation), page })
  .meta({ id: 'ReconciliationList', description: 'Newest day first' })
export type ReconciliationList = z.output<typeof ReconciliationList>

const Side = z
  .strictObject({
    rule_version: z.int(),
    kafka_partition: count,
    event_count: count,
    distinct_items: count,
    first_offset: count,
    last_offset: count,
    status: AnomalyStatus,
  })
  .meta({ id: 'ReconciledSide' })

export const Difference = z
  .strictObject({
    kind: z.enum(KINDS),
    anomaly_id: z.string().meta({ description: 'The `id` that the anomaly has, or would have, at /anomalies' }),
    session_id: z.string(),
    rule_id: z.string(),
    mode: AnomalyMode,
    window_start: Timestamp,
    expected: Side.nullable().meta({ description: 'What the archive gives; null for an extra one' }),
    stored: Side.nullable().meta({ description: 'What is stored; null for a missing one' }),
  })
  .meta({ id: 'ReconciledDifference' })
export type Difference = z.output<typeof Difference>

export const DifferenceList = z.strictObject({ reconciliation: Reconciliation, data: z.array(Difference), page }).meta({
  id: 'ReconciledDifferenceList',
  description: 'By window; all are counted, and the first 10,000 of a day are kept',
})
export type DifferenceList = z.output<typeof DifferenceList>
