import assert from 'node:assert/strict'
import {
  archiveKey,
  compactedKey,
  compactedScratchName,
  compactionFenceOf,
  datasetOf,
  topicOf,
  writerOf,
} from '../../../../domain/archive/archive-file.js'
import { TOPICS } from '../../../../domain/events.js'
import { parseUtcDay } from '../../../../domain/utc-day.js'

const FILE = {
  dataset: 'clicks',
  day: parseUtcDay('2026-10-01'),
  partition: 3,
  epoch: 12,
  fromOffset: 100,
  toOffset: 250,
} as const

describe('the name of a file of the archive', () => {
  it('says dataset, day, partition, epoch and offsets, padded so that names sort as their offsets do', () => {
    assert.equal(archiveKey(FILE), 'clicks/date=2026-10-01/p0003-e000012-000000000000100-000000000000250.parquet')
    assert.equal(archiveKey({ ...FILE, day: 'other' }).split('/')[1], 'date=other')
    assert.ok(archiveKey({ ...FILE, fromOffset: 99 }) < archiveKey(FILE))
  })

  it('says whose it is, also before it has its key', () => {
    assert.deepEqual(writerOf(archiveKey(FILE)), { partition: 3, epoch: 12 })
    assert.deepEqual(writerOf(archiveKey({ ...FILE, partition: 12_345, epoch: 1_234_567 })), {
      partition: 12_345,
      epoch: 1_234_567,
    })
    assert.deepEqual(writerOf('clicks_2026-10-01_p0003-e000012-000000000000100-000000000000250.parquet'), {
      partition: 3,
      epoch: 12,
    })
    for (const other of ['clicks/date=2026-10-01/part-0.parquet', 'clicks/README', archiveKey(FILE) + '.tmp'])
      assert.equal(writerOf(other), undefined, other)
  })
})

describe('the name of a compacted file', () => {
  const COMPACTED = { ...FILE, log: 1, fence: 7 }

  it('says day, partition, log, fence and offsets, and is none that the owner of a partition would remove', () => {
    assert.equal(
      compactedKey(COMPACTED),
      'clicks/date=2026-10-01/p0003-l001-c000007-000000000000100-000000000000250.parquet',
    )
    for (const name of [compactedKey(COMPACTED), compactedScratchName(COMPACTED)]) {
      assert.equal(compactionFenceOf(name), 7)
      assert.equal(writerOf(name), undefined)
    }
    assert.notEqual(compactedKey({ ...COMPACTED, log: 2 }), compactedKey(COMPACTED))
    const ofBefore = 'clicks/date=2026-10-01/p0003-c000007-000000000000100-000000000000250.parquet'
    assert.equal(compactionFenceOf(ofBefore), 7, 'files that were named before there was a log in their name')
    assert.equal(compactionFenceOf(archiveKey(FILE)), undefined)
    assert.equal(compactionFenceOf('clicks/date=2026-10-01/p0003-c7.parquet'), undefined)
  })
})

describe('a dataset', () => {
  it('is of one topic', () => {
    assert.deepEqual([topicOf('clicks'), topicOf('purchases')], [TOPICS.clicks, TOPICS.purchases])
    assert.deepEqual([datasetOf(TOPICS.purchases), datasetOf(TOPICS.late)], ['purchases', undefined])
  })
})
