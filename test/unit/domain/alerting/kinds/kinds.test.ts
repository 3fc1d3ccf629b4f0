import assert from 'node:assert/strict'
import { observeCollisions } from '../../../../../domain/alerting/kinds/event-collisions.js'
import { observeBursts } from '../../../../../domain/alerting/kinds/anomaly-burst.js'
import { observeGaps } from '../../../../../domain/alerting/kinds/data-gaps.js'
import { observeLag, type WatchedPartition } from '../../../../../domain/alerting/kinds/lag.js'
import { observeCrashes } from '../../../../../domain/alerting/kinds/process-crashes.js'
import { observeFailedRuns } from '../../../../../domain/alerting/kinds/pipeline-runs.js'
import { observeQuarantine } from '../../../../../domain/alerting/kinds/quarantine.js'
import { observeDifferences } from '../../../../../domain/alerting/kinds/reconciliation.js'
import { observeSchedules, type WatchedSchedule } from '../../../../../domain/alerting/kinds/schedules.js'
import { observeUnreadable } from '../../../../../domain/alerting/kinds/watch.js'

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
    assert.equal(
      one?.summary,
      '70 records of km.clicks.v1, partition 3, were not read: Kafka had deleted them before the detector read them.',
    )
    assert.equal(one.sample, 'The first is at offset 5.')
    assert.match(observeGaps([{ ...gaps, offsets: 1 }])[0]?.summary ?? '', /^1 record of .* was not read/)
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
    assert.deepEqual([one.cause, one.summary], ['Daily KPI run failed', '1 daily KPI run failed, for 2026-10-01.'])
    assert.equal(one.sample, 'daily-kpi:2026-10-01: x')
    assert.match(one.firstStep, /`guardian kpi run --day 2026-10-01`/)
    assert.equal(observeFailedRuns([failed(3)], link)[0]?.summary, '3 daily KPI runs failed, the last for 2026-10-01.')
  })
})

describe('observeDifferences', () => {
  it('is critical for each day, with how many rows differ and where they are', () => {
    const [one, ...more] = observeDifferences([{ day: '2026-10-01', expected: 9, missing: 1, extra: 2, different: 4 }])
    assert.deepEqual(
      [one?.fingerprint, one?.severity, one?.count, more.length],
      ['reconciliation:2026-10-01', 'critical', 7, 0],
    )
    assert.equal(
      one?.summary,
      '7 anomalies of 2026-10-01 differ from what the archive gives: 1 missing, 2 extra, 4 different; the archive gives 9.',
    )
    const [single] = observeDifferences([{ day: '2026-10-01', expected: 1_900, missing: 1, extra: 0, different: 0 }])
    assert.match(single?.summary ?? '', /^1 anomaly of 2026-10-01 differs .*: 1 missing; the archive gives 1,900\.$/)
  })
})

describe('observeBursts', () => {
  const of = (sessions: number, seconds: number) =>
    observeBursts([{ ruleId: 'BOT_LIKE', sessions }], seconds, { warning: 100, critical: 1_000 })[0]?.severity

  it('measures by the minute, whatever the span; a shorter span is not blown up', () => {
    assert.deepEqual([of(99, 60), of(100, 60), of(1_000, 60)], [null, 'warning', 'critical'])
    assert.deepEqual([of(199, 120), of(200, 120)], [null, 'warning'])
    assert.equal(of(99, 1), null)
    assert.equal(
      observeBursts([{ ruleId: 'BOT_LIKE', sessions: 1_204 }], 60, { warning: 1, critical: 2 })[0]?.summary,
      '1,204 sessions were flagged by BOT_LIKE in the last minute, more than usual.',
    )
  })
})

describe('observeCollisions', () => {
  it('says how many events were lost to the figures, and where one of them is', () => {
    const [one] = observeCollisions([
      { topic: 'km.clicks.v1', events: 1_204, samplePartition: 3, sampleOffset: 81_230 },
    ])
    assert.equal(one?.severity, 'warning')
    assert.match(one.summary, /^1,204 events of km\.clicks\.v1 have the session and the event id of an earlier event/)
    assert.equal(one.sample, 'One is at offset 81,230 of partition 3.')
  })
})

describe('observeQuarantine', () => {
  const found = {
    ...{ topic: 'km.purchases.v1', records: 1, days: 1, firstDay: '2026-10-01', lastDay: '2026-10-01' },
    ...{ samplePartition: 2, sampleOffset: 1_017, sampleSource: 'till', sampleField: null },
    sampleReason: 'REVENUE_OVERFLOW' as const,
  }

  it('says which days lack how many records, shows one, and says how to decide', () => {
    const [one] = observeQuarantine([found])
    assert.deepEqual([one?.fingerprint, one?.severity], ['quarantine:km.purchases.v1', 'warning'])
    assert.equal(
      one?.summary,
      '1 record of km.purchases.v1 is quarantined: the KPIs of 2026-10-01 are published without it.',
    )
    assert.equal(
      one.sample,
      'One is at offset 1,017 of partition 2, from source till: the revenue of its day cannot hold its amount (REVENUE_OVERFLOW).',
    )
    assert.match(one.firstStep, /`guardian kpi quarantine list --state quarantined`/)
  })

  it('names the span of several days, and the field at fault', () => {
    const [many] = observeQuarantine([
      {
        ...found,
        records: 1_204,
        days: 3,
        lastDay: '2026-10-05',
        sampleReason: 'MISSING_FIELD',
        sampleField: 'item_id',
      },
    ])
    assert.equal(
      many?.summary,
      '1,204 records of km.purchases.v1 are quarantined: the KPIs of 3 days (2026-10-01 to 2026-10-05) are published without them.',
    )
    assert.match(many.sample ?? '', /a field that a KPI needs is missing \(item_id, MISSING_FIELD\)\.$/)
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
    assert.equal(
      one?.summary,
      'The detector is 122 records behind on km.clicks.v1, in 2 partitions; the oldest has waited for more than 5 minutes.',
    )
    const [archive] = observeLag('archiver', [partition({ nextOffset: 99 })], limits)
    assert.deepEqual([archive?.fingerprint, archive?.severity], ['archiver-lag:km.clicks.v1', 'warning'])
  })
})

describe('observeSchedules', () => {
  const HOUR = 60 * MINUTE
  const DAY = 24 * HOUR
  const due = (text: string) => Date.parse(`${text}T00:30:00Z`)
  const begun = (...days: string[]) => days.map((day) => ({ dueMs: due(day), begunMs: due(day) + MINUTE }))
  const at = (nowMs: number, more: Partial<WatchedSchedule> = {}, sinceMs = nowMs - 2 * MINUTE) => {
    const schedule = { id: 'daily-kpi', isPaused: false, everyMs: HOUR, createdMs: 0, exists: true, begun: [] }
    return observeSchedules([{ ...schedule, ...more }], sinceMs, nowMs, link)[0]
  }
  const daily = { everyMs: DAY, backfillCommand: 'guardian kpi backfill' }

  it('names the schedule that did not run, and how to make up for it', () => {
    assert.equal(at(65 * MINUTE), undefined)
    const late = at(65 * MINUTE + 1)
    assert.deepEqual([late?.cause, late?.severity], ['Schedule daily-kpi did not run', 'critical'])
    assert.equal(late?.summary, 'The schedule daily-kpi did not run at 1970-01-01 01:00 UTC.')
    assert.match(late.firstStep, /`temporal schedule trigger --schedule-id daily-kpi`/)
  })

  it('names every day whose run has not begun, and offers their backfill', () => {
    const nowMs = due('2026-10-04') + 6 * MINUTE
    const late = at(nowMs, { ...daily, begun: begun('2026-10-01') })
    assert.equal(late?.summary, 'The schedule daily-kpi did not run for 3 days: 2026-10-01, 2026-10-02 and 2026-10-03.')
    assert.match(late.firstStep, /`guardian kpi backfill --from 2026-10-01 --to 2026-10-03`/)
    const one = at(nowMs, { ...daily, begun: begun('2026-10-03') })
    assert.equal(one?.summary, 'The schedule daily-kpi did not run for 1 day: 2026-10-03.')
    assert.equal(at(nowMs - 2 * MINUTE, { ...daily, begun: begun('2026-10-03') }), undefined)
  })

  it('names every day that was left out, also when several were made up for at the end of the outage', () => {
    const backMs = due('2026-10-08') + 5 * HOUR
    const runs = [
      ...begun('2026-10-01', '2026-10-02'),
      ...['2026-10-07', '2026-10-08'].map((day, i) => ({ dueMs: due(day), begunMs: backMs + i })),
    ]
    const missed = at(backMs + MINUTE, { ...daily, begun: runs })
    assert.equal(
      missed?.summary,
      'The schedule daily-kpi did not run for 4 days: 2026-10-02, 2026-10-03, 2026-10-04 and 2026-10-05.',
    )
    assert.match(missed.firstStep, /--from 2026-10-02 --to 2026-10-05`/)
    assert.equal(missed.figures['runs missed'], 4)
    assert.equal(at(backMs + 10 * MINUTE, { ...daily, begun: runs }), undefined, 'an earlier look has named them')
    assert.ok(at(backMs + 10 * HOUR, { ...daily, begun: runs }, backMs - MINUTE), 'no look came to it before')
  })

  it('names each row of days when there are too many to name each', () => {
    const runs = [...begun('2026-01-01'), { dueMs: due('2026-03-10'), begunMs: due('2026-03-10') }]
    assert.equal(
      at(due('2026-03-10') + MINUTE, { ...daily, begun: runs })?.summary,
      'The schedule daily-kpi did not run for 67 days: 2026-01-01 to 2026-03-08.',
    )
  })

  it('does not take a day of 23 or 25 hours for a missed one', () => {
    const runs = [0, 24, 47, 71, 96, 120].map((hours) => ({ dueMs: hours * HOUR, begunMs: hours * HOUR }))
    assert.equal(at(121 * HOUR, { ...daily, begun: runs }, 0), undefined)
  })

  it('offers to have each run made up for that no later one makes up for', () => {
    const late = at(due('2026-10-04') + 6 * MINUTE, { everyMs: DAY, begun: begun('2026-10-01'), eachRunCounts: true })
    assert.match(late?.summary ?? '', /for 3 days: 2026-10-01, 2026-10-02 and 2026-10-03\.$/)
    assert.match(
      late?.firstStep ?? '',
      /`temporal schedule backfill --schedule-id daily-kpi --start-time 2026-10-01T00:30:00.000Z --end-time 2026-10-04T00:30:00.000Z --overlap-policy BufferAll`/,
    )
  })

  it('says on which days one did not run whose next run does the work of all', () => {
    const late = at(due('2026-10-04') + 6 * MINUTE, { everyMs: DAY, begun: begun('2026-10-02') })
    assert.equal(late?.summary, 'The schedule daily-kpi did not run on 2 days: 2026-10-03 and 2026-10-04.')
  })

  it('does not name the runs of a schedule with short pauses that a later one made up for', () => {
    const runs = [0, 50, 51].map((minutes) => ({ dueMs: minutes * MINUTE, begunMs: minutes * MINUTE }))
    assert.equal(at(52 * MINUTE, { everyMs: MINUTE, begun: runs }, 0), undefined)
    assert.equal(
      at(3_000 * MINUTE, { everyMs: MINUTE, begun: runs })?.summary,
      'The schedule daily-kpi did not run at 1970-01-01 00:52 UTC, nor since then.',
    )
  })

  it('tells of one that is paused, or gone', () => {
    const [paused, gone] = [at(0, { isPaused: true }), at(0, { exists: false })]
    assert.deepEqual([paused?.cause, paused?.severity], ['Schedule daily-kpi is paused', 'warning'])
    assert.deepEqual([gone?.cause, gone?.severity], ['Schedule daily-kpi does not exist', 'critical'])
    assert.match(paused?.firstStep ?? '', /POST \/schedules\/daily-kpi\/resume/)
  })
})

describe('observeUnreadable', () => {
  it('names the source whose silence says nothing', () => {
    assert.match(observeUnreadable('schedules').summary, /^Alerts about schedules could not be evaluated/)
  })
})

describe('observeCrashes', () => {
  const of = (crashes: number, status: 'running' | 'restarting' = 'restarting') =>
    observeCrashes([
      { name: 'archiver', status, crashes, cause: 'exit code 1', since_ts: '2026-10-01T10:20:30.000Z' },
    ])[0]

  it('warns from three crashes in a row on, and is critical from five on', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 50].map((crashes) => of(crashes)?.severity),
      [null, null, 'warning', 'warning', 'critical', 'critical'],
    )
    assert.deepEqual(observeCrashes([]), [])
  })

  it('says which process, how often, since when, and whether it runs now', () => {
    assert.equal(
      of(3)?.summary,
      'The process archiver has crashed 3 times in a row since 2026-10-01 10:20 UTC, the last time because of: exit code 1; it does not run now, and is restarted with increasing delays.',
    )
    assert.match(of(3, 'running')?.summary ?? '', /; it runs now\.$/)
    assert.equal(of(3)?.fingerprint, of(9, 'running')?.fingerprint)
  })
})
