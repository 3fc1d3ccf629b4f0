import { sideTopicsOf } from '../../domain/fresh-log.js'
import { offsetsAt, topicOffsets, withAdmin } from '../../platform/kafka/admin.js'
import type { createKafka } from '../../platform/kafka/client.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import { readRange, type LogRange, type RangeReader } from '../../platform/kafka/read-range.js'

/** Brokers append by clocks of their own. */
const SKEW_MS = 60_000

/**
 * Which records of a range the detector has made dead letters, and why, by their offsets: from the dead letters
 * themselves, because a schema that was unknown then may be registered by now.
 * @param sinceMs when the first record of the range was appended: its dead letter is not older
 */
export async function readDeadOffsets(
  kafka: ReturnType<typeof createKafka>,
  range: LogRange,
  sinceMs: number,
  reader: Omit<RangeReader, 'onRecords'>,
): Promise<ReadonlyMap<number, string>> {
  const topic = sideTopicsOf(range.topic).deadLetters
  const found = new Map<number, string>()
  const parts = await withAdmin(kafka, async (admin) => {
    const starts = await offsetsAt(admin, topic, sinceMs - SKEW_MS)
    return (await topicOffsets(admin, topic)).map(({ partition, low, high }) => ({
      ...{ topic, partition, from: Math.max(low, starts.get(partition) ?? low), to: high },
    }))
  })
  for (const part of parts)
    await readRange(kafka, part, {
      ...reader,
      onRecords: (records) => {
        for (const { headers } of records) {
          const offset = Number(lastHeader(headers, '__connect.errors.offset') ?? Number.NaN)
          if (lastHeader(headers, '__connect.errors.topic') !== range.topic) continue
          if (lastHeader(headers, '__connect.errors.partition') !== String(range.partition)) continue
          if (offset < range.from || offset >= range.to) continue
          found.set(offset, lastHeader(headers, '__connect.errors.exception.message') ?? 'no reason was given')
        }
        return Promise.resolve()
      },
    })
  return found
}
