import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { RecordList } from '../../../../platform/kafka/record-list.js'
import { isBatchEntry, readRecordSet } from '../../../../platform/kafka/record-set.js'
import { rawBatch, rawRecord, zstdOf, type RawRecord } from '../../../support/raw-batch.js'

const LIMITS = { maxUnpackedBytes: 100_000, maxBatchRecords: 1_000 }

const contentOf = (records: readonly RawRecord[]): Buffer => Buffer.concat(records.map((r, i) => rawRecord(r, i)))
const batchOf = (firstOffset: number, records: readonly RawRecord[]): Buffer =>
  rawBatch({ firstOffset, records: records.length, content: contentOf(records) })

const plain = (firstOffset: number, count: number): Buffer =>
  batchOf(
    firstOffset,
    Array.from({ length: count }, (_, i) => ({ key: Buffer.from(`k${i}`), value: Buffer.from(`v${i}`) })),
  )

const bomb = (firstOffset: number, records = 3): Buffer =>
  rawBatch({ firstOffset, records, codec: 1, content: gzipSync(Buffer.alloc(200_000)) })

/** The batches of a fetch, read in turn: the offsets of records, or of a batch that is set aside. */
const read = async (...batches: Buffer[]) => {
  const found: unknown[] = []
  for (const { batch } of entriesOf(...batches)) {
    const content = await batch?.read(LIMITS)
    if (content instanceof RecordList) found.push(...recordsOf(content).map(({ offset }) => offset))
    else if (content) found.push({ ...content, detail: '' })
  }
  return found
}

const entriesOf = (...batches: Buffer[]) => readRecordSet(Buffer.concat(batches)).filter((entry) => isBatchEntry(entry))
const recordsOf = (list: RecordList) => Array.from({ length: list.length }, (_, i) => list.recordAt(i))

const listOf = async (bytes: Buffer, limits = LIMITS): Promise<RecordList> => {
  const list = await entriesOf(bytes)[0]?.batch?.read(limits)
  assert.ok(list instanceof RecordList)
  return list
}

const setAside = (firstOffset: number, lastOffset: number, cause: string) => ({
  firstOffset,
  lastOffset,
  cause,
  detail: '',
})

describe('the records of a fetch', () => {
  it('have their offset, the log append time, key, value and headers', async () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['__proto__', Buffer.from('2')],
      ['a', null],
      ['none', null],
    ] as const
    const [first, second] = recordsOf(await listOf(batchOf(70, [{ value: Buffer.from('v') }, { headers }])))
    assert.deepEqual([first?.offset, first?.timestamp, first?.key], ['70', '2000', null])
    assert.deepEqual(first?.value, Buffer.from('v'))
    assert.deepEqual(Object.keys(second?.headers ?? {}), ['a', '__proto__', 'none'])
    assert.deepEqual(second?.headers?.['a'], [Buffer.from('1'), ''])
  })

  it('have the time of their producer when the topic keeps it', async () => {
    const batch = rawBatch({ firstOffset: 0, records: 1, content: contentOf([{}]), attributes: 0 })
    assert.equal(recordsOf(await listOf(batch))[0]?.timestamp, '1000')
  })

  it('say where each value is in the bytes, and how large the record is', async () => {
    const records = [
      { key: Buffer.from('key'), value: Buffer.from('value') },
      { key: Buffer.from('k') },
      { value: Buffer.alloc(0) },
    ]
    const list = await listOf(batchOf(70, records))
    assert.deepEqual(
      records.map((_, i) => [list.offsetAt(i), list.timestampAt(i), list.sizeAt(i)]),
      records.map((record, i) => [70 + i, 2_000, rawRecord(record, i).length]),
    )
    assert.equal(list.bytes.toString('latin1', list.valueFromAt(0), list.valueToAt(0)), 'value')
    assert.equal(list.valueFromAt(1), -1)
    assert.ok(list.valueFromAt(2) >= 0 && list.valueFromAt(2) === list.valueToAt(2))
  })

  it('give way to their offsets in a batch that unpacks to too much, whatever its codec', async () => {
    assert.deepEqual(await read(plain(5, 2), bomb(7), plain(10, 1)), ['5', '6', setAside(7, 9, 'too_large'), '10'])
    const zstd = rawBatch({ firstOffset: 0, records: 1, codec: 4, content: zstdOf(Buffer.alloc(300_000)) })
    assert.deepEqual(await read(zstd), [setAside(0, 0, 'too_large')])
  })

  it('give way to their offsets in a batch of too many records, even when they are small', async () => {
    assert.deepEqual(await read(plain(0, 1_001), plain(1_001, 1)), [setAside(0, 1_000, 'too_large'), '1001'])
    const millions = rawBatch({ firstOffset: 4, records: 2_000_000_000, codec: 1, content: gzipSync(Buffer.alloc(9)) })
    assert.deepEqual(await read(millions), [setAside(4, 2_000_000_003, 'too_large')])
  })

  it('give way to their offsets in a batch that is not what it says', async () => {
    const cut = rawBatch({ firstOffset: 3, records: 2, content: rawRecord({}, 0) })
    const noGzip = rawBatch({ firstOffset: 3, records: 2, codec: 1, content: Buffer.from('no gzip') })
    const unknown = rawBatch({ firstOffset: 3, records: 2, codec: 6, content: contentOf([{}, {}]) })
    for (const batch of [cut, noGzip, unknown])
      assert.deepEqual(await read(batch, plain(5, 1)), [setAside(3, 4, 'undecodable'), '5'])
  })

  it('are refused, not set aside, when the batch was damaged on its way: another fetch brings what is stored', async () => {
    const damaged = bomb(0)
    damaged.writeUInt8(damaged.readUInt8(80) ^ 1, 80)
    await assert.rejects(read(damaged), { code: 'BATCH_UNREADABLE' })
  })

  it('step over control records, so that a partition that ends with one has no rest', () => {
    const control = rawBatch({
      firstOffset: 8,
      records: 1,
      content: contentOf([{ key: Buffer.alloc(4) }]),
      attributes: 0x30,
    })
    const entries = readRecordSet(control)
    const record = entries.find((entry) => Reflect.get(entry, 'isControlRecord') === true)
    assert.deepEqual(record?.key, Buffer.alloc(4))
    const last = entries.at(-1)
    assert.ok(last && isBatchEntry(last) && last.batch === undefined && last.offset === '8')
    assert.equal(last.batchContext.inTransaction, false)
  })

  it('of aborted transactions are left out, also of those that were open before the fetch', () => {
    const load = createRequire(import.meta.url)
    const filterAborted = load('kafkajs/src/consumer/filterAbortedMessages.js') as (of: {
      readonly messages: readonly object[]
      readonly abortedTransactions: readonly object[]
    }) => readonly { readonly batch?: { readonly firstOffset: number } }[]
    const inTransaction = (firstOffset: number, producerId: bigint, isEnd = false): Buffer => {
      const content = contentOf([{ key: isEnd ? Buffer.alloc(4) : Buffer.from('k') }])
      const batch = rawBatch({ firstOffset, records: 1, content, attributes: isEnd ? 0x38 : 0x18 })
      batch.writeBigInt64BE(producerId, 43)
      return batch
    }
    const messages = readRecordSet(
      Buffer.concat([
        inTransaction(10, 3n),
        inTransaction(11, 9n),
        inTransaction(12, 2n),
        inTransaction(13, 3n, true),
        inTransaction(14, 3n),
        plain(15, 1),
      ]),
    )
    const abortedTransactions = [1, 2, 3].map((id) => ({ producerId: String(id), firstOffset: String(id) }))
    const kept = filterAborted({ messages, abortedTransactions }).flatMap(({ batch }) => batch?.firstOffset ?? [])
    assert.deepEqual(kept, [11, 14, 15])
  })

  it('stop where the fetch was cut off', async () => {
    assert.deepEqual(await read(plain(0, 1), plain(1, 1).subarray(0, 63)), ['0'])
    assert.deepEqual(await read(plain(0, 1), plain(1, 1).subarray(0, 20)), ['0'])
  })

  it('let others have a turn while they are looked for', async () => {
    const large = batchOf(
      0,
      Array.from({ length: 40 }, () => ({ value: Buffer.alloc(100_000) })),
    )
    let turns = 0
    const count = (): void => void (turns++, (next = setImmediate(count)))
    let next = setImmediate(count)
    const list = await listOf(large)
    clearImmediate(next)
    assert.equal(list.offsetAt(39), 39)
    assert.ok(turns >= 3)
  })

  it('take linear time for their headers', async () => {
    const cpuOf = async (count: number): Promise<number> => {
      const headers = Array.from({ length: count }, (_, i) => [i.toString(36), null] as const)
      const batch = batchOf(0, [{ headers }])
      let least = Number.POSITIVE_INFINITY
      for (let attempt = 0; attempt < 5; attempt++) {
        const before = process.cpuUsage()
        const list = await listOf(batch)
        assert.equal(Object.keys(list.recordAt(0).headers ?? {}).length, count)
        const { user, system } = process.cpuUsage(before)
        least = Math.min(least, user + system)
      }
      return least
    }
    // Sixteen times as many: a reader that looks through all before for each takes 256 times as long.
    assert.ok((await cpuOf(64_000)) < 100 * (await cpuOf(4_000)))
  })
})
