import assert from 'node:assert/strict'
import { listAnomalies, getAnomaly } from '../../../db/read-models/anomalies.js'
import { readBursts } from '../../../db/read-models/alert-watch.js'
import { listAudit } from '../../../db/read-models/audit.js'
import { readDayManifest, readDayState } from '../../../db/read-models/kpi-inputs.js'
import { publishFigures, raiseFence, stageFigures } from '../../../db/stores/kpi.js'
import { figuresOf, METRIC_NAMES } from '../../../domain/kpi/figures.js'
import { staleReasons } from '../../../domain/kpi/day-versions.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import type { AnomalyList } from '../../../schemas/rest/anomalies.js'
import type { VerdictDocument } from '../../../schemas/rest/verdicts.js'
import { asAdmin } from '../../support/api-keys.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const DAY = parseUtcDay('2026-10-01')
const ROWS = ['a', 'b', 'c'].map((sessionId) => anomalyRow({ sessionId }))

describe('what people say of anomalies', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: Awaited<ReturnType<typeof serveRealApi>>
  before(async () => {
    database = await createMigratedDatabase('review')
    const { db } = database
    await insertAnomalies(db, ROWS)
    api = await serveRealApi(
      db,
      {},
      {
        anomalies: { list: (request) => listAnomalies(db, request), get: (key) => getAnomaly(db, key) },
      },
    )
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(`${api.url}${path}`, {
      method,
      headers: { ...asAdmin, ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const pathOf = (sessionId: string) => `/anomalies/${anomalyIdOf(anomalyRow({ sessionId }))}/verdict`
  const tagOf = async (path: string) => (await call('GET', path)).headers.get('etag') ?? ''
  const judge = async (sessionId: string, verdict: string, etag?: string) => {
    const path = pathOf(sessionId)
    const match = { 'if-match': etag ?? (await tagOf(path)) }
    return call('PUT', path, match, { verdict, comment: `because of ${verdict}` })
  }
  const flagged = async () => (await readDayManifest(database.db, DAY)).flaggedSessions

  describe('a verdict', () => {
    it('is undecided before anybody has said anything', async () => {
      const verdict = await readAnswer<VerdictDocument>('getVerdict', await call('GET', pathOf('a')))
      assert.deepEqual([verdict.verdict, verdict.version, verdict.history], ['undecided', 0, []])
    })

    it('has author, comment and its history, and is in the audit log', async () => {
      await readAnswer('giveVerdict', await judge('a', 'true_positive'))
      const second = await readAnswer<VerdictDocument>('giveVerdict', await judge('a', 'false_positive'))
      assert.deepEqual(
        [second.verdict, second.version, second.comment, second.author_name, second.affected_days],
        ['false_positive', 2, 'because of false_positive', 'first admin', ['2026-10-01']],
      )
      assert.deepEqual(
        second.history.map(({ verdict, version }) => [verdict, version]),
        [
          ['false_positive', 2],
          ['true_positive', 1],
        ],
      )
      const [record] = await listAudit(database.db, { action: 'anomaly.verdict', limit: 1 })
      assert.equal(record?.target, 'anomaly/HIGH_FREQUENCY/active/2026-10-01T12:00:00.000Z/a')
      assert.equal((record.before as { verdict: string }).verdict, 'true_positive')
    })

    it('follows the one that its author has seen, or is refused', async () => {
      const seen = await tagOf(pathOf('b'))
      const first = await judge('b', 'false_positive', seen)
      assert.equal(first.headers.get('etag'), await tagOf(pathOf('b')))
      assert.equal((await readProblem(await judge('b', 'true_positive', seen))).code, 'PRECONDITION_FAILED')
      const blind = await call('PUT', pathOf('b'), {}, { verdict: 'true_positive', comment: 'x' })
      assert.equal((await readProblem(blind)).code, 'PRECONDITION_REQUIRED')
      const now = await readAnswer<VerdictDocument>('getVerdict', await call('GET', pathOf('b')))
      assert.deepEqual([now.verdict, now.version], ['false_positive', 1])
    })

    it('is given by one of several at once', async () => {
      const seen = await tagOf(pathOf('c'))
      const answers = await Promise.all(Array.from({ length: 5 }, () => judge('c', 'true_positive', seen)))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412, 412, 412])
    })

    it('is refused for no anomaly, and with text that cannot be stored', async () => {
      const body = { verdict: 'true_positive', comment: 'x' }
      const nobody = await call('PUT', pathOf('nobody'), { 'if-match': '*' }, body)
      assert.equal((await readProblem(nobody)).code, 'ANOMALY_NOT_FOUND')
      for (const comment of ['', 'a\0b', '\ud800', 'x'.repeat(2_001)]) {
        const answer = await call('PUT', pathOf('a'), { 'if-match': '*' }, { ...body, comment })
        assert.equal((await readProblem(answer)).errors?.[0]?.path, 'body.comment')
      }
    })

    it('shows in the list, which can be asked for it', async () => {
      const sessionsOf = async (verdict: string) => {
        const answer = await call('GET', `/anomalies?verdict=${verdict}`)
        return (await readAnswer<AnomalyList>('listAnomalies', answer)).data.map((row) => [row.session_id, row.verdict])
      }
      assert.deepEqual(await sessionsOf('true_positive'), [['c', 'true_positive']])
      assert.deepEqual(await sessionsOf('undecided'), [])
      assert.deepEqual(
        (await sessionsOf('false_positive')).map(([session]) => session),
        ['b', 'a'],
      )
    })

    it('takes its session out of the flagged ones of its day and of bursts, and back', async () => {
      const bursts = () => readBursts(database.db, new Date('2026-10-01T12:00:00Z'), new Date('2026-10-01T12:01:00Z'))
      assert.deepEqual([await flagged(), (await bursts())[0]?.sessions], [['c'], 1])
      await judge('b', 'undecided')
      assert.deepEqual([await flagged(), (await bursts())[0]?.sessions], [['b', 'c'], 2])
    })

    it('makes the published figures of its day stale', async () => {
      const { db } = database
      const fence = await raiseFence(db, DAY)
      const { archiveVersion, archivedRows, flaggedDigest, flaggedSessions } = await readDayManifest(db, DAY)
      const inputs = { archiveVersion, archivedRows, flaggedDigest, flaggedSessions: flaggedSessions.length }
      const traffic = ['all', 'clean', 'flagged'].map((of) => ({
        traffic: of,
        ...Object.fromEntries(METRIC_NAMES.map((name) => [name, 1])),
      }))
      await stageFigures(db, DAY, fence, figuresOf({ metrics: traffic, revenue: [], items: [], funnel: [] }), inputs)
      await publishFigures(db, DAY, fence)
      const stale = async () => staleReasons(await readDayState(db, DAY))
      assert.deepEqual(await stale(), [])
      await judge('b', 'true_positive')
      assert.deepEqual(await stale(), [], 'it was flagged before')
      await judge('b', 'false_positive')
      assert.deepEqual(await stale(), ['changed_verdicts'])
    })
  })
})
