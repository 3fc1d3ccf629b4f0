import type { RecordBatch } from '../../platform/kafka/consumer.js'
import type { UnreadableRange } from '../../platform/kafka/record-set.js'

/** Records to decide in one go, or offsets to pass over. */
export type BatchPart =
  | { readonly kind: 'records'; readonly batch: RecordBatch }
  | { readonly kind: 'unreadable'; readonly range: UnreadableRange }

/**
 * Cuts a batch where offsets have to be passed over, and after so many records that deciding them does not keep
 * everything else waiting. In offset order, and with no offset left out.
 */
export function* partsOf(batch: RecordBatch, maxRecords: number): Generator<BatchPart> {
  let from = 0
  for (const range of batch.unreadable) {
    let end = from
    while (end < batch.records.length && Number(batch.records[end]?.offset) < range.firstOffset) end++
    yield* slices(batch, from, end, maxRecords, range.firstOffset)
    yield { kind: 'unreadable', range }
    from = end
  }
  if (from === 0 && batch.unreadable.length === 0 && batch.records.length <= maxRecords)
    yield { kind: 'records', batch }
  else yield* slices(batch, from, batch.records.length, maxRecords, batch.nextOffset)
}

function* slices(
  batch: RecordBatch,
  from: number,
  end: number,
  maxRecords: number,
  nextOffset: number,
): Generator<BatchPart> {
  let at = from
  for (; end - at > maxRecords; at += maxRecords) {
    const next = batch.records[at + maxRecords]
    const records = batch.records.slice(at, at + maxRecords)
    yield { kind: 'records', batch: { ...batch, unreadable: [], records, nextOffset: Number(next?.offset) } }
  }
  yield { kind: 'records', batch: { ...batch, unreadable: [], records: batch.records.slice(at, end), nextOffset } }
}
