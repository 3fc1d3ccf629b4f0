import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { isMarker, readRecordSet } from '../../../../platform/kafka/record-set.js'
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

const read = async (...batches: Buffer[]) =>
  (await readRecordSet(Buffer.concat(batches), LIMITS)).map((m) =>
    isMarker(m) ? { at: m.offset, marks: m.marks && { ...m.marks, detail: '' } } : m.offset,
  )

const marked = (firstOffset: number, lastOffset: number, cause: string) => ({
  at: String(lastOffset),
  marks: { firstOffset, lastOffset, cause, detail: '' },
})

describe('the records of a fetch', () => {
  it('have their offset, the log append time, key, value and headers', async () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['__proto__', Buffer.from('2')],
      ['a', null],
      ['none', null],
    ] as const
    const [first, second] = await readRecordSet(batchOf(70, [{ value: Buffer.from('v') }, { headers }]), LIMITS)
    assert.deepEqual([first?.offset, first?.timestamp, first?.key], ['70', '2000', null])
    assert.deepEqual(first?.value, Buffer.from('v'))
    assert.deepEqual(Object.keys(second?.headers ?? {}), ['a', '__proto__', 'none'])
    assert.deepEqual(second?.headers?.['a'], [Buffer.from('1'), ''])
  })

  it('have the time of their producer when the topic keeps it', async () => {
    const batch = rawBatch({ firstOffset: 0, records: 1, content: contentOf([{}]), attributes: 0 })
    assert.equal((await readRecordSet(batch, LIMITS))[0]?.timestamp, '1000')
  })

  it('are followed by a marker in the place of a batch that unpacks to too much, whatever its codec', async () => {
    assert.deepEqual(await read(plain(5, 2), bomb(7), plain(10, 1)), ['5', '6', marked(7, 9, 'too_large'), '10'])
    const zstd = rawBatch({ firstOffset: 0, records: 1, codec: 4, content: zstdOf(Buffer.alloc(300_000)) })
    assert.deepEqual(await read(zstd), [marked(0, 0, 'too_large')])
  })

  it('are followed by a marker in the place of a batch with too many records, even when they are small', async () => {
    assert.deepEqual(await read(plain(0, 1_001), plain(1_001, 1)), [marked(0, 1_000, 'too_large'), '1001'])
    const millions = rawBatch({ firstOffset: 4, records: 2_000_000_000, codec: 1, content: gzipSync(Buffer.alloc(9)) })
    assert.deepEqual(await read(millions), [marked(4, 2_000_000_003, 'too_large')])
  })

  it('are followed by a marker in the place of a batch that is not what it says', async () => {
    const cut = rawBatch({ firstOffset: 3, records: 2, content: rawRecord({}, 0) })
    const noGzip = rawBatch({ firstOffset: 3, records: 2, codec: 1, content: Buffer.from('no gzip') })
    const unknown = rawBatch({ firstOffset: 3, records: 2, codec: 6, content: contentOf([{}, {}]) })
    for (const batch of [cut, noGzip, unknown])
      assert.deepEqual(await read(batch, plain(5, 1)), [marked(3, 4, 'undecodable'), '5'])
  })

  it('are refused, not marked, when the batch was damaged on its way: another fetch brings what is stored', async () => {
    const damaged = bomb(0)
    damaged.writeUInt8(damaged.readUInt8(80) ^ 1, 80)
    await assert.rejects(read(damaged), { code: 'BATCH_UNREADABLE' })
  })

  it('step over control records, so that a partition that ends with one has no rest', async () => {
    const control = rawBatch({
      firstOffset: 8,
      records: 1,
      content: contentOf([{ key: Buffer.alloc(4) }]),
      attributes: 0x30,
    })
    const [record, step] = await readRecordSet(control, LIMITS)
    assert.equal(Reflect.get(record ?? {}, 'isControlRecord'), true)
    assert.ok(step && isMarker(step) && step.marks === undefined && step.offset === '8')
  })

  it('stop where the fetch was cut off, and where the limits of one fetch are reached', async () => {
    assert.deepEqual(await read(plain(0, 1), plain(1, 1).subarray(0, 63)), ['0'])
    assert.deepEqual(await read(plain(0, 1), plain(1, 1).subarray(0, 20)), ['0'])
    assert.equal((await read(plain(0, 600), plain(600, 600))).length, 600)
    const large = [0, 1, 2].map((offset) => batchOf(offset, [{ value: Buffer.alloc(60_000) }]))
    assert.equal((await read(...large)).length, 2)
  })

  it('take linear time for their headers', async () => {
    const headers = Array.from({ length: 50_000 }, (_, i) => [i.toString(36), null] as const)
    const startedAt = performance.now()
    await readRecordSet(batchOf(0, [{ headers }]), { ...LIMITS, maxUnpackedBytes: 10_000_000 })
    assert.ok(performance.now() - startedAt < 2_000)
  })
})
