import type { RecordList } from '../../platform/kafka/record-list.js'
import type { BatchLimits, PackedBatch, UnreadableRange } from '../../platform/kafka/record-set.js'

/** Reads batches in turn, and each while the one before it is being worked on: what is unpacked is never more than two. */
export async function* readAhead(
  batches: readonly PackedBatch[],
  limits: BatchLimits,
): AsyncGenerator<readonly [PackedBatch, RecordList | UnreadableRange]> {
  let next = batches[0]?.read(limits)
  for (const [i, batch] of batches.entries()) {
    const read = await next
    next = batches[i + 1]?.read(limits)
    // It is told when it is waited for, which may be never.
    next?.catch(() => undefined)
    if (read) yield [batch, read]
  }
}
