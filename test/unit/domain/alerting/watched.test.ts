import assert from 'node:assert/strict'
import {
  observeBursts,
  observeFailedRuns,
  observeGaps,
  observeLag,
  observeSchedules,
  type WatchedPartition,
  type WatchedSchedule,
} from '../../../../domain/alerting/watched.js'

const MINUTE = 60_000
const link = (id: string) => ({ label: id, to: `https://ui.example/${id}` })

describe('observeGaps', () => {
  it('is critical for each partition and cause, and counts what was not read', () => {
    const gaps = { topic: 'km.clicks.v1', kafkaPartition: 3, cause: 'retention', gaps: 2, offsets: 70, firstOffset: 5 }
    const [one] = observeGaps([gaps])
    assert.deepEqual(
      [one?.fingerprint, one?.severity, one?.count],
      ['data-gaps:km.clicks.v1:3:retention', 'critical', 70],
    )
  })
})

describe('observeFailedRuns', () => {
  it('is one per workflow, critical from three on', () => {
    const failed = (runs: number) => ({
      workflowType: 'dailyKpi',
      runs,
      workflowId: 'daily-kpi:2026-10-01',
      reason: 'x',
    })
    assert.deepEqual(
      observeFailedRuns([failed(1), failed(3)], link).map(({ severity }) => severity),
      ['warning', 'critical'],
    )
    assert.equal(observeFailedRuns([failed(1)], link)[0]?.links[0]?.to, 'https://ui.example/daily-kpi:2026-10-01')
  })
})

describe('observeBursts', () => {
  const of = (sessions: number, seconds: number) =>
    observeBursts([{ ruleId: 'BOT_LIKE', sessions }], seconds, { warning: 100, critical: 1_000 })[0]?.severity

  it('measures by the minute, whatever the span; a shorter span is not blown up', () => {
    assert.deepEqual([of(99, 60), of(100, 60), of(1_000, 60)], [null, 'warning', 'critical'])
    assert.deepEqual([of(199, 120), of(200, 120)], [null, 'warning'])
    assert.equal(of(99, 1), null)
  })
})

describe('observeLag', () => {
  const partition = (more: Partial<WatchedPartition>): WatchedPartition => ({
    ...{ topic: 'km.clicks.v1', kafkaPartition: 0, nextOffset: 100, endOffset: 150 },
    ...{ youngerThanWarning: 100, youngerThanCritical: 80 },
    ...more,
  })
  const limits = { warningSeconds: 60, criticalSeconds: 300 }

  it('is no news while the next record is younger than the limit', () => {
    assert.deepEqual(observeLag([partition({})], limits), [])
  })

  it('is one alert per topic, as bad as its worst partition', () => {
    const [one, ...more] = observeLag(
      [
        partition({ nextOffset: 99 }),
        partition({ kafkaPartition: 1, nextOffset: 79 }),
        partition({ kafkaPartition: 2 }),
      ],
      limits,
    )
    assert.deepEqual(more, [])
    assert.deepEqual(
      [one?.severity, one?.figures['partitions behind'], one?.figures['records behind']],
      ['critical', 2, 122],
    )
    assert.equal(observeLag([partition({ nextOffset: 99 })], limits)[0]?.severity, 'warning')
  })
})

describe('observeSchedules', () => {
  const schedule = (more: Partial<WatchedSchedule>): WatchedSchedule => ({
    ...{ id: 'daily-kpi', isPaused: false, everyMs: 60 * MINUTE, lastDueMs: 0, exists: true },
    ...more,
  })
  const at = (nowMs: number, more: Partial<WatchedSchedule> = {}) => observeSchedules([schedule(more)], nowMs, link)[0]

  it('names the schedule that did not run, and how to make up for it', () => {
    assert.equal(at(65 * MINUTE), undefined)
    const late = at(65 * MINUTE + 1)
    assert.deepEqual([late?.cause, late?.severity], ['Schedule daily-kpi did not run', 'critical'])
    assert.equal(late?.figures['to make up for it'], 'temporal schedule trigger --schedule-id daily-kpi')
  })

  it('tells of one that is paused, or gone', () => {
    assert.deepEqual(
      [at(0, { isPaused: true })?.cause, at(0, { isPaused: true })?.severity],
      ['Schedule daily-kpi is paused', 'warning'],
    )
    assert.deepEqual(
      [at(0, { exists: false })?.cause, at(0, { exists: false })?.severity],
      ['Schedule daily-kpi does not exist', 'critical'],
    )
  })
})
