import type { RecordHeaders } from '../../platform/kafka/last-header.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'

/** A record of a session, as it stands in the log. */
export interface SessionRecord {
  readonly offset: number
  /** Log append time, milliseconds since the epoch. */
  readonly appendMs: number
  readonly value: Buffer | null
}

/** A part of a partition, and where its log is. */
export interface ReadPart {
  readonly partition: number
  readonly from: number
  /** No longer read. */
  readonly to: number
  readonly low: number
  readonly high: number
}

/** A record as the log has it. */
export interface LogRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly offset: string
  readonly timestamp: string
  readonly headers?: RecordHeaders | undefined
}

export interface LogReader {
  readonly offsets: (
    topic: string,
  ) => Promise<readonly { readonly partition: number; readonly low: number; readonly high: number }[]>
  /** The first offset of each partition whose record was appended at an instant or later; its end when none was. */
  readonly offsetsAt: (topic: string, instantMs: number) => Promise<ReadonlyMap<number, number>>
  readonly read: (
    range: { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number },
    onRecords: (records: readonly LogRecord[]) => void,
  ) => Promise<void>
}

/**
 * Reads a session's records from the part of its partition that begins at an offset, or from the newest part.
 * @param beginAt an offset; without it, so far before the end that the part reaches it
 * @param maxRecords of the partition, those of other sessions included
 * @param onRecord in offset order; it says whether it wants more
 */
export async function readSession(
  log: LogReader,
  topic: string,
  sessionId: string,
  { beginAt, maxRecords }: { readonly beginAt: number | undefined; readonly maxRecords: number },
  onRecord: (record: SessionRecord) => void,
): Promise<ReadPart> {
  const offsets = await log.offsets(topic)
  const partition = keyPartition(sessionId, Math.max(1, offsets.length))
  const { low, high } = offsets.find((one) => one.partition === partition) ?? { low: 0, high: 0 }
  const from = Math.min(high, Math.max(low, beginAt ?? high - maxRecords))
  const part = { partition, from, to: Math.min(high, from + maxRecords), low, high }
  const key = Buffer.from(sessionId)
  await log.read({ topic, ...part }, (records) => {
    for (const record of records)
      if (record.key?.equals(key) === true)
        onRecord({ offset: Number(record.offset), appendMs: Number(record.timestamp), value: record.value })
  })
  return part
}

/** Where to begin, so that an anomaly's events are in the part and as much before them as behind. */
export const beginAround = (firstOffset: number, maxRecords: number, high: number): number =>
  Math.min(Math.max(0, firstOffset - Math.floor(maxRecords / 2)), Math.max(0, high - maxRecords))
