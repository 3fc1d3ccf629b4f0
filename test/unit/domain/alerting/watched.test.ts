import assert from 'node:assert/strict'
import {
  observeBursts,
  observeDifferences,
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
      day: '2026-10-01',
    })
    assert.deepEqual(
      observeFailedRuns([failed(1), failed(3)], link).map(({ severity }) => severity),
      ['warning', 'critical'],
    )
    const [one] = observeFailedRuns([failed(1)], link)
    assert.equal(one?.links[0]?.to, 'https://ui.example/daily-kpi:2026-10-01')
    assert.equal(one.figures['to run it again'], 'guardian kpi run --day 2026-10-01')
  })
})

describe('observeDifferences', () => {
  it('is critical for each day, with how many rows differ and where they are', () => {
    const [one, ...more] = observeDifferences([{ day: '2026-10-01', expected: 9, missing: 1, extra: 2, different: 4 }])
    assert.deepEqual(
      [one?.fingerprint, one?.severity, one?.count, more.length],
      ['reconciliation:2026-10-01', 'critical', 7, 0],
    )
    assert.deepEqual(
      one?.links.map(({ to }) => to),
      ['/reconciliations/2026-10-01/differences', '/anomalies?from=2026-10-01&to=2026-10-02'],
    )
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
    assert.deepEqual(observeLag('detector', [partition({})], limits), [])
  })

  it('is one alert per topic, as bad as its worst partition', () => {
    const [one, ...more] = observeLag(
      'detector',
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
    const [archive] = observeLag('archiver', [partition({ nextOffset: 99 })], limits)
    assert.deepEqual([archive?.fingerprint, archive?.severity], ['archiver-lag:km.clicks.v1', 'warning'])
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

  const HOUR = 60 * MINUTE
  const due = (text: string) => Date.parse(`${text}T00:30:00Z`)
  const daily = (lastDue: string, more: Partial<WatchedSchedule> = {}): Partial<WatchedSchedule> => ({
    ...{ everyMs: 24 * HOUR, lastDueMs: due(lastDue), backfillCommand: 'guardian kpi backfill' },
    ...more,
  })

  it('offers the backfill of the days whose runs did not begin', () => {
    const nowMs = due('2026-10-04') + 6 * MINUTE
    assert.equal(
      at(nowMs, daily('2026-10-01'))?.figures['to make up for it'],
      'guardian kpi backfill --from 2026-10-01 --to 2026-10-03',
    )
    assert.equal(
      at(nowMs, daily('2026-10-03'))?.figures['to make up for it'],
      'guardian kpi backfill --from 2026-10-03 --to 2026-10-03',
    )
  })

  it('offers to have each run made up for that no later one makes up for', () => {
    const late = at(due('2026-10-04') + 6 * MINUTE, {
      ...daily('2026-10-01'),
      backfillCommand: undefined,
      eachRunCounts: true,
    })
    assert.equal(
      late?.figures['to make up for it'],
      'temporal schedule backfill --schedule-id daily-kpi --start-time 2026-10-01T00:30:00.000Z ' +
        '--end-time 2026-10-04T00:36:00.000Z --overlap-policy BufferAll',
    )
  })

  it('tells, for a quarter of an hour after a run, that those before it were left out', () => {
    const begunMs = due('2026-10-05') + HOUR
    const after = (minutes: number, earlier: string) =>
      at(begunMs + minutes * MINUTE, daily('2026-10-05', { lastTwo: { earlierDueMs: due(earlier), begunMs } }))
    assert.equal(after(1, '2026-10-04'), undefined)
    const missed = after(1, '2026-10-02')
    assert.deepEqual([missed?.cause, missed?.severity], ['Schedule daily-kpi did not run', 'critical'])
    assert.equal(missed?.figures['to make up for it'], 'guardian kpi backfill --from 2026-10-02 --to 2026-10-03')
    assert.equal(after(16, '2026-10-02'), undefined)
    const minutely = { everyMs: MINUTE, lastDueMs: begunMs, lastTwo: { earlierDueMs: begunMs - HOUR, begunMs } }
    assert.equal(at(begunMs + MINUTE, minutely), undefined)
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
