import type { Dataset } from '../../domain/archive/archive-file.js'
import type { ObservedEvent } from '../../domain/detection/fate.js'
import type { Click, Purchase } from '../../domain/events.js'
import type { RowAppender } from '../../platform/duckdb/duckdb.js'

/** An event with all its fields; those that could not be read whole are missing. */
export type ArchivedEvent = ObservedEvent &
  Partial<Omit<Click, keyof ObservedEvent> & Omit<Purchase, keyof ObservedEvent>>

/** Where a record stands in the log. */
export interface LogPosition {
  readonly partition: number
  readonly offset: number
  /** Log append time, milliseconds since the epoch. */
  readonly appendMs: number
}

/** Times are whole milliseconds since the epoch, which every engine that reads Parquet understands alike. */
const COMMON =
  'kafka_partition INTEGER, kafka_offset BIGINT, append_ms BIGINT, event_id VARCHAR, event_ms BIGINT, ' +
  'ingest_ms BIGINT, source VARCHAR, session_id VARCHAR, user_id VARCHAR, item_id VARCHAR'

const OWN: Readonly<Record<Dataset, string>> = {
  clicks: 'event_type VARCHAR, page VARCHAR, ip VARCHAR, user_agent VARCHAR, referrer VARCHAR',
  purchases: 'order_id VARCHAR, quantity INTEGER, unit_price BIGINT, currency VARCHAR',
}

/** The columns of a dataset, as SQL declares them. */
export const columnsOf = (dataset: Dataset): string => `${COMMON}, ${OWN[dataset]}`

/** Appends one event as a row of its dataset. */
export function appendEvent(to: RowAppender, dataset: Dataset, event: ArchivedEvent, at: LogPosition): void {
  to.integer(at.partition)
  to.whole(at.offset)
  to.whole(at.appendMs)
  to.text(event.event_id)
  to.whole(event.event_ts)
  to.whole(event.ingest_ts)
  to.text(event.source ?? null)
  to.text(event.session_id)
  to.text(event.user_id)
  to.text(event.item_id)
  if (dataset === 'clicks') {
    to.text(event.event_type ?? null)
    to.text(event.page ?? null)
    to.text(event.ip ?? null)
    to.text(event.user_agent ?? null)
    to.text(event.referrer ?? null)
  } else {
    to.text(event.order_id ?? null)
    to.integer(event.quantity ?? null)
    to.whole(event.unit_price ?? null)
    to.text(event.currency ?? null)
  }
  to.endRow()
}
