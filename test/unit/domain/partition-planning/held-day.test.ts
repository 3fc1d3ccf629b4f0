import assert from 'node:assert/strict'
import { heldReason, type PartitionArchival } from '../../../../domain/partition-planning/held-day.js'
import { addDays, DAY_MS, parseUtcDay, startOfDayMs } from '../../../../domain/utc-day.js'

const day = parseUtcDay('2026-08-01')
const nowMs = startOfDayMs(parseUtcDay('2026-10-01'))
const policy = { oldestKept: parseUtcDay('2026-09-01'), settledDays: 7 }
const partition = (of: Partial<PartitionArchival> = {}): PartitionArchival => ({
  topic: 'km.clicks.v1',
  partition: 0,
  detectorOffset: 100,
  archiveOffset: 100,
  archivedToMs: startOfDayMs(day),
  rows: 1,
  lastRowOffset: 70,
  lastWriteMs: startOfDayMs(day) + DAY_MS,
  hasGap: false,
  ...of,
})
const held = (...partitions: PartitionArchival[]) => heldReason(day, partitions, policy, nowMs)

describe('heldReason', () => {
  it('lets a day go when the archive has all that the detector has read', () => {
    assert.equal(held(partition()), undefined)
    assert.equal(held(partition({ archiveOffset: 99 })), 'not_archived')
  })

  it('lets it go when the archive is behind the detector, but two days past the beginning of the day', () => {
    const passed = startOfDayMs(day) + 2 * DAY_MS
    assert.equal(held(partition({ archiveOffset: 80, archivedToMs: passed })), undefined)
    assert.equal(held(partition({ archiveOffset: 80, archivedToMs: passed - 1 })), 'not_archived')
  })

  it('asks every partition, and holds a day of which nothing is known', () => {
    assert.equal(
      held(partition(), partition({ partition: 1, archiveOffset: null, lastRowOffset: null })),
      'not_archived',
    )
    assert.equal(
      held(partition(), partition({ partition: 1, archiveOffset: null, detectorOffset: 0, lastRowOffset: null })),
      undefined,
    )
    assert.equal(held(), 'not_archived')
  })

  it('holds a day with a row of a record that the archive has not, though the detector seems to be behind it', () => {
    assert.equal(held(partition({ detectorOffset: 50, archiveOffset: 70 })), 'not_archived')
    assert.equal(held(partition({ detectorOffset: 50, archiveOffset: 71 })), undefined)
    assert.equal(held(partition({ detectorOffset: null, archiveOffset: null })), 'not_archived')
  })

  it('holds a day whose records were lost before they were archived', () => {
    assert.equal(held(partition({ hasGap: true })), 'archive_gap')
  })

  it('holds a day that a log of long ago was read into, until nothing came for some days', () => {
    assert.equal(held(partition({ lastWriteMs: nowMs - 7 * DAY_MS + 1 })), 'recently_written')
    assert.equal(held(partition({ lastWriteMs: nowMs - 7 * DAY_MS })), undefined)
    assert.equal(held(partition({ rows: 0, lastRowOffset: null, lastWriteMs: null })), undefined)
  })

  it('holds a day that is not past its retention', () => {
    const edge = policy.oldestKept
    assert.equal(heldReason(edge, [partition()], policy, nowMs), 'within_retention')
    const before = partition({ archivedToMs: nowMs })
    assert.equal(heldReason(addDays(edge, -1), [before], policy, nowMs), undefined)
  })
})
