import type { FigureRows } from '../../domain/kpi/figures.js'
import type { MissingField } from '../../domain/kpi/quality-gates.js'

/** What the figures of a day are computed from. */
export interface DayQuestion {
  /** Paths that the engine can open. */
  readonly clickFiles: readonly string[]
  readonly purchaseFiles: readonly string[]
  readonly flaggedSessions: readonly string[]
  /** The day as `[fromMs, toMs)`. */
  readonly fromMs: number
  readonly toMs: number
}

export interface DayAnswer extends FigureRows {
  /** Rows of all files, of whatever day. */
  readonly readRows: number
  /** How many events of the day lack a field that its figures need. */
  readonly nulls: readonly MissingField[]
}

type Columns = readonly (readonly [name: string, type: 'INTEGER' | 'BIGINT' | 'VARCHAR'])[]

const LOG_POSITION: Columns = [
  ['kafka_partition', 'INTEGER'],
  ['kafka_offset', 'BIGINT'],
]
const EVENT: Columns = [
  ['event_id', 'VARCHAR'],
  ['event_ms', 'BIGINT'],
  ['session_id', 'VARCHAR'],
  ['user_id', 'VARCHAR'],
]

/** The columns of the archive that the queries read. */
export const ARCHIVED_COLUMNS: Readonly<Record<'click' | 'purchase', Columns>> = {
  click: [...LOG_POSITION, ...EVENT, ['event_type', 'VARCHAR'], ['item_id', 'VARCHAR']],
  purchase: [
    ...LOG_POSITION,
    ...EVENT,
    ['order_id', 'VARCHAR'],
    ['item_id', 'VARCHAR'],
    ['quantity', 'INTEGER'],
    ['unit_price', 'BIGINT'],
    ['currency', 'VARCHAR'],
  ],
}

/** Runs the queries of `activities/kpi/sql` over Parquet files. */
export interface KpiEngine {
  /**
   * @param signal ends a computation that nobody wants any more, where that is possible
   * @throws when it runs out of memory and disk, or a file is not what the manifest says; the reason of the signal
   */
  compute(question: DayQuestion, signal?: AbortSignal): Promise<DayAnswer>
}
