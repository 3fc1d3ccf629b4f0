import { MAX_AMOUNT, MAX_QUANTITY } from '../../domain/events/event-fault.js'
import type { FigureRows } from '../../domain/kpi/figures.js'
import type { MissingField } from '../../domain/kpi/quality-gates.js'
import { MAX_SUM, type KnownRecord } from '../../domain/kpi/quarantine.js'

/** What the figures of a day are computed from. */
export interface DayQuestion {
  /** Paths that the engine can open. */
  readonly clickFiles: readonly string[]
  readonly purchaseFiles: readonly string[]
  readonly flaggedSessions: readonly string[]
  /** The day as `[fromMs, toMs)`. */
  readonly fromMs: number
  readonly toMs: number
  /** Records of the day that earlier runs have quarantined, with what was decided on them. */
  readonly known: readonly KnownRecord[]
  /** The largest sum that the figures may have. @default 2^53 - 1 */
  readonly maxSum?: number
  /** Of one purchase or return. @default those of a valid event */
  readonly bounds?: { readonly quantity: number; readonly amount: number }
  /** How many unfit records are described at most; all are counted. */
  readonly mostUnfit: number
}

type Row = Readonly<Record<string, unknown>>

export interface DayAnswer extends FigureRows {
  /** Rows of all files, of whatever day. */
  readonly readRows: number
  /** Records that are left out and were not known to be, the first `mostUnfit`; and how many there are, by reason. */
  readonly unfit: readonly Row[]
  readonly unfitCounts: readonly Row[]
  /** How full the sums of the day are. */
  readonly sums: readonly Row[]
  /** How many counted events of the day lack a field that its figures need. */
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
  ['source', 'VARCHAR'],
]

/** The columns of `known_record`. `is_released` is 1 or 0. */
export const KNOWN_COLUMNS: Columns = [
  ['kind', 'VARCHAR'],
  ['kafka_partition', 'INTEGER'],
  ['kafka_offset', 'BIGINT'],
  ['event_ms', 'BIGINT'],
  ['session_id', 'VARCHAR'],
  ['is_released', 'INTEGER'],
]

/** Known records as rows of `known_record`. */
export const knownRows = (known: readonly KnownRecord[]) =>
  known.map(({ dataset, partition, offset, eventMs, sessionId, state }) => ({
    kind: dataset === 'clicks' ? 'click' : 'purchase',
    kafka_partition: partition,
    kafka_offset: offset,
    event_ms: eventMs,
    session_id: sessionId,
    is_released: state === 'released' ? 1 : 0,
  }))

/** Records that were archived before there were bounds are judged as those of today. */
const BOUNDS = { quantity: MAX_QUANTITY, amount: MAX_AMOUNT } as const

/** What the queries are given in place of their parameters. */
export const queryParameters = ({
  fromMs,
  toMs,
  mostUnfit,
  maxSum = MAX_SUM,
  bounds = BOUNDS,
}: DayQuestion): Readonly<Record<string, number>> => ({
  ':from_ms': fromMs,
  ':to_ms': toMs,
  ':max_sum': maxSum,
  ':max_quantity': bounds.quantity,
  ':max_amount': bounds.amount,
  ':most_records': mostUnfit,
})

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
