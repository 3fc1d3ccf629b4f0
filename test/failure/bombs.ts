import { gzipSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { TOPICS } from '../../domain/events.js'
import { rawRecord, zstdOf } from '../support/raw-batch.js'

/** A batch that is small in the log and large in memory. */
export interface Bomb {
  readonly name: string
  readonly codec: number
  readonly records: number
  /** The records, compressed. */
  readonly content: Buffer
  /** What must come of it: set aside whole, or each record dead for its own reason. */
  readonly fate: 'too_large' | 'dead'
}

const MIB = 1_048_576
const zeros = (mebibytes: number): Buffer => rawRecord({ value: Buffer.alloc(mebibytes * MIB) }, 0)
const tiny = (records: number): Buffer => Buffer.concat(Array.from({ length: records }, (_, i) => rawRecord({}, i)))
const headers = (count: number): Buffer =>
  rawRecord({ headers: Array.from({ length: count }, (_, i) => [i.toString(36), null] as const) }, 0)

/** One of each way that is known to make a reader of Kafka run out of memory, or of time. */
export function bombs(): Bomb[] {
  return [
    { name: 'gzip, 300 MiB', codec: 1, records: 1, content: gzipSync(zeros(300)), fate: 'too_large' },
    { name: 'zstd, 300 MiB', codec: 4, records: 1, content: zstdOf(zeros(300)), fate: 'too_large' },
    { name: 'lz4, 200 MiB', codec: 3, records: 1, content: compressFrameSync(zeros(200)), fate: 'too_large' },
    { name: 'gzip, 15,000 records', codec: 1, records: 15_000, content: gzipSync(tiny(15_000)), fate: 'too_large' },
    { name: 'gzip, 60 MiB: below the cap', codec: 1, records: 1, content: gzipSync(zeros(60)), fate: 'dead' },
    { name: 'zstd, 60 MiB: below the cap', codec: 4, records: 1, content: zstdOf(zeros(60)), fate: 'dead' },
    { name: 'lz4, 60 MiB: below the cap', codec: 3, records: 1, content: compressFrameSync(zeros(60)), fate: 'dead' },
    { name: 'snappy, 18 MiB', codec: 2, records: 1, content: compressSync(zeros(18)), fate: 'dead' },
    { name: 'gzip, 9,000 records', codec: 1, records: 9_000, content: gzipSync(tiny(9_000)), fate: 'dead' },
    { name: 'gzip, 200,000 headers', codec: 1, records: 1, content: gzipSync(headers(200_000)), fate: 'dead' },
  ]
}

/** Puts bombs into the partitions of clicks in turn. @returns the first offset of each */
export async function sendBombs(brokers: string[], all: readonly Bomb[], partitions: number): Promise<Placed[]> {
  const codecs = kafkajs.CompressionCodecs as Record<number, unknown>
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, requestTimeout: 120_000 })
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  const own = codecs[1]
  const placed: Placed[] = []
  try {
    for (const [i, bomb] of all.entries()) {
      codecs[bomb.codec] = () => ({ compress: () => Promise.resolve(bomb.content) })
      const partition = i % partitions
      const messages = Array.from({ length: bomb.records }, () => ({ value: null, partition }))
      const [reply] = await producer.send({
        topic: TOPICS.clicks,
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- the attribute of the batch, by its number
        compression: bomb.codec,
        messages,
      })
      placed.push({ bomb, partition, offset: Number(reply?.baseOffset) })
    }
  } finally {
    codecs[1] = own
    await producer.disconnect()
  }
  return placed
}

export interface Placed {
  readonly bomb: Bomb
  readonly partition: number
  readonly offset: number
}
