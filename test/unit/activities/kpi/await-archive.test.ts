import assert from 'node:assert/strict'
import { ApplicationFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { createKpiActivities, type KpiDeps } from '../../../../activities/kpi/kpi-activities.js'
import type { LogEnds } from '../../../../activities/kpi/kpi-contract.js'
import { quietTemporal } from '../../../support/temporal-client.js'

const HOUR_MS = 3_600_000
const ends: LogEnds = [{ topic: 't', partition: 0, end: 10 }]

describe('awaitArchive', () => {
  before(quietTemporal)

  const attempted = async (nextOffset: number, attempt: number, scheduledMsAgo: number): Promise<unknown> => {
    const deps: Partial<KpiDeps> = {
      archivePositions: () => Promise.resolve([{ topic: 't', partition: 0, nextOffset }]),
    }
    const { awaitArchive } = createKpiActivities(deps as KpiDeps)
    const environment = new MockActivityEnvironment({ attempt, scheduledTimestampMs: Date.now() - scheduledMsAgo })
    type Input = { readonly ends: LogEnds; readonly waitMs: number }
    return environment
      .run<[Input], Awaited<ReturnType<typeof awaitArchive>>, typeof awaitArchive>(awaitArchive, {
        ends,
        waitMs: HOUR_MS,
      })
      .catch((error: unknown) => error)
  }

  it('succeeds once the archive has passed the end of the log', async () => {
    assert.equal(await attempted(10, 1, 0), undefined)
  })

  it('lets Temporal retry it until then, less and less often', async () => {
    for (const [attempt, delay] of [
      [1, 500],
      [3, 2_000],
      [50, 30_000],
    ] as const) {
      const failure = await attempted(9, attempt, 1_000)
      assert.ok(failure instanceof ApplicationFailure)
      assert.deepEqual([failure.type, failure.nonRetryable], ['GRD_ARCHIVE_INCOMPLETE', false])
      assert.equal(failure.nextRetryDelay, delay)
    }
  })

  it('waits from when it was first scheduled, whatever the attempt', async () => {
    const almost = await attempted(9, 50, HOUR_MS - 5_000)
    assert.ok(almost instanceof ApplicationFailure)
    assert.ok(Number(almost.nextRetryDelay) <= 5_001, String(almost.nextRetryDelay))
    const over = await attempted(9, 51, HOUR_MS + 1)
    assert.ok(over instanceof ApplicationFailure)
    assert.equal(over.nonRetryable, true)
    assert.match(over.message, /after 3600000 ms the archive has still to come to t\/0 at 10/)
  })
})
