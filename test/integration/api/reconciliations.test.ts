import assert from 'node:assert/strict'
import { listDifferences, listReconciliations, readReconciliation } from '../../../db/read-models/reconciliations.js'
import { storeReconciliation } from '../../../db/stores/reconciliations.js'
import { compareAnomalies, type ReconciledAnomaly } from '../../../domain/reconciliation/compare-anomalies.js'
import { addDays, parseUtcDay, startOfDayMs, type UtcDay } from '../../../domain/utc-day.js'
import { parseAnomalyId } from '../../../schemas/rest/anomaly-id.js'
import type { DifferenceList, ReconciliationList } from '../../../schemas/rest/reconciliations.js'
import { readAnswer, readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')

const anomaly = (session: string, window: number, eventCount = 50): ReconciledAnomaly => ({
  ...{ session_id: session, rule_id: 'HIGH_FREQUENCY', rule_version: 1, mode: 'active', status: 'confirmed' },
  window_start_ms: startOfDayMs(DAY) + window * 10_000,
  ...{ kafka_partition: 2, event_count: eventCount, distinct_items: 3, first_offset: 7, last_offset: 90 },
})

describe('reconciliations over HTTP', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  const ask = (path: string) => fetch(`${api.url}${path}`)
  const differences = async (query: string) =>
    readAnswer<DifferenceList>('listReconciledDifferences', await ask(`/reconciliations/${DAY}/differences${query}`))
  const reconcile = (day: UtcDay, expected: ReconciledAnomaly[], stored: ReconciledAnomaly[]) =>
    storeReconciliation(database.db, {
      ...{ day, expectedRows: expected.length, storedRows: stored.length, reconciledMs: startOfDayMs(day) },
      differences: compareAnomalies(expected, stored),
    })

  before(async () => {
    database = await createMigratedDatabase('reconciliations')
    const { db } = database
    api = await serveApi({
      reconciliations: {
        list: (page) => listReconciliations(db, page),
        get: (day) => readReconciliation(db, day),
        differences: (page) => listDifferences(db, page),
      },
    })
    const alike = anomaly('alike', 0)
    await reconcile(
      DAY,
      [alike, anomaly('missing', 1), anomaly('other', 1, 60)],
      [alike, anomaly('extra', 1), anomaly('other', 1, 61)],
    )
    await reconcile(addDays(DAY, 1), [], [])
    await reconcile(addDays(DAY, 2), [alike], [alike])
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  it('say of each day what was found, newest first, page by page', async () => {
    const days: string[] = []
    for (let cursor = ''; ;) {
      const { data, page } = await readAnswer<ReconciliationList>(
        'listReconciliations',
        await ask(`/reconciliations?limit=2${cursor}`),
      )
      days.push(
        ...data.map(({ day, expected, stored, missing, extra, different }) =>
          [day, expected, stored, missing, extra, different].join(' '),
        ),
      )
      if (page.next_cursor === null) break
      cursor = `&cursor=${page.next_cursor}`
    }
    assert.deepEqual(days, ['2026-10-03 1 1 0 0 0', '2026-10-02 0 0 0 0 0', '2026-10-01 3 3 1 1 1'])
  })

  it('show what differs row by row, with both sides, and which anomaly it is', async () => {
    const { reconciliation, data } = await differences('')
    assert.deepEqual([reconciliation.missing, reconciliation.extra, reconciliation.different], [1, 1, 1])
    const sides = data.map(({ session_id, kind, expected, stored }) =>
      [session_id, kind, expected?.event_count, stored?.event_count].join(' '),
    )
    assert.deepEqual(sides, ['extra extra  50', 'missing missing 50 ', 'other different 60 61'])
    const windowStart = new Date(startOfDayMs(DAY) + 10_000)
    assert.deepEqual(parseAnomalyId(data[2]?.anomaly_id ?? ''), {
      ...{ windowStart, sessionId: 'other', ruleId: 'HIGH_FREQUENCY', mode: 'active' },
    })
  })

  it('can be asked for one kind, and are paged without leaving one out', async () => {
    assert.deepEqual(
      (await differences('?kind=missing')).data.map(({ session_id }) => session_id),
      ['missing'],
    )
    const first = await differences('?limit=2')
    const rest = await differences(`?limit=2&cursor=${first.page.next_cursor ?? ''}`)
    assert.deepEqual([...first.data, ...rest.data], (await differences('')).data)
    assert.equal(rest.page.next_cursor, null)
  })

  it('tell a day without a difference from one that was not reconciled', async () => {
    const none = await readAnswer<DifferenceList>(
      'listReconciledDifferences',
      await ask('/reconciliations/2026-10-03/differences'),
    )
    assert.deepEqual(none.data, [])
    const never = await ask('/reconciliations/2026-10-04/differences')
    assert.equal((await readProblem(never)).code, 'DAY_NOT_RECONCILED')
    const noDay = await ask('/reconciliations/0000-01-01/differences')
    assert.equal((await readProblem(noDay)).code, 'BAD_REQUEST')
  })
})
