import { UTC } from '../../../domain/shop-day.js'
import assert from 'node:assert/strict'
import { getAnomaly, listAnomalies, type AnomalyRow } from '../../../db/read-models/anomalies.js'
import { readBursts } from '../../../db/read-models/alert-watch.js'
import { listAudit } from '../../../db/read-models/audit.js'
import { readDayManifest, readDayState } from '../../../db/read-models/kpi-inputs.js'
import { publishFigures, raiseFence, stageFigures } from '../../../db/stores/kpi.js'
import { figuresOf, METRIC_NAMES } from '../../../domain/kpi/figures.js'
import { staleReasons } from '../../../domain/kpi/day-versions.js'
import { parseUtcDay } from '../../../domain/utc-day.js'
import type { AllowlistEntry } from '../../../schemas/rest/allowlist.js'
import { anomalyIdOf } from '../../../schemas/rest/anomaly-id.js'
import type { AnomalyList } from '../../../schemas/rest/anomalies.js'
import type { VerdictDocument } from '../../../schemas/rest/verdicts.js'
import { asAdmin, withKey } from '../../support/api-keys.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { NOTHING_LEFT_OUT } from '../../support/figure-inputs.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

type AllowlistList = { readonly data: AllowlistEntry[]; readonly page: { readonly next_cursor: string | null } }

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
    sendJson(`${api.url}${path}`, method, { ...asAdmin, ...headers }, body)
  const pathOf = (sessionId: string) => `/anomalies/${anomalyIdOf(anomalyRow({ sessionId }))}/verdict`
  const tagOf = async (path: string) => (await call('GET', path)).headers.get('etag') ?? ''
  const judge = async (sessionId: string, verdict: string, etag?: string) => {
    const path = pathOf(sessionId)
    const match = { 'if-match': etag ?? (await tagOf(path)) }
    return call('PUT', path, match, { verdict, comment: `because of ${verdict}` })
  }
  const flagged = async () => (await readDayManifest(database.db, DAY, UTC)).flaggedSessions

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

    it('is not needed of a rule in shadow: it flags no session, and makes no burst that would alert', async () => {
      await insertAnomalies(database.db, [anomalyRow({ sessionId: 'in shadow', mode: 'shadow' })])
      const bursts = await readBursts(database.db, new Date('2026-10-01T12:00:00Z'), new Date('2026-10-01T12:01:00Z'))
      assert.deepEqual([await flagged(), bursts[0]?.sessions], [['b', 'c'], 2])
      await database.db.query(`DELETE FROM anomaly_sessions WHERE mode = 'shadow'`)
    })

    it('makes the published figures of its day stale', async () => {
      const { db } = database
      const fence = await raiseFence(db, DAY)
      const { archiveVersion, archivedRows, flaggedDigest, flaggedSessions } = await readDayManifest(db, DAY, UTC)
      const inputs = {
        archiveVersion,
        archivedRows,
        flaggedDigest,
        flaggedSessions: flaggedSessions.length,
        isUnusual: false,
        ...NOTHING_LEFT_OUT,
      }
      const traffic = ['all', 'clean', 'flagged'].map((of) => ({
        traffic: of,
        ...Object.fromEntries(METRIC_NAMES.map((name) => [name, 1])),
      }))
      await stageFigures(db, DAY, fence, figuresOf({ metrics: traffic, revenue: [], items: [], funnel: [] }), inputs)
      await publishFigures(db, DAY, fence)
      const stale = async () => staleReasons(await readDayState(db, DAY, UTC))
      assert.deepEqual(await stale(), [])
      await judge('b', 'true_positive')
      assert.deepEqual(await stale(), [], 'it was flagged before')
      await judge('b', 'false_positive')
      assert.deepEqual(await stale(), ['changed_verdicts'])
    })
  })

  describe('the allowlist', () => {
    // The noon of the day after: no window of these is on two days.
    const NOW = (Math.ceil(Date.now() / 86_400_000) + 0.5) * 86_400_000
    const soon = (minutes: number) => new Date(NOW + minutes * 60_000)
    const client = (ip: string | null, user_agent: string | null) => ({
      crossed: { offset: 7, client: { ip, user_agent } },
    })
    /** Windows of the hour to come, so that entries can end before, in and behind them. */
    const windowAt = (minutes: number, of: Partial<AnomalyRow>) =>
      anomalyRow({ windowStart: soon(minutes), windowEnd: soon(minutes + 1), status: 'open', ...of })
    const COMING = [
      windowAt(10, { sessionId: 'by session' }),
      windowAt(10, { sessionId: 'by user', userId: 'u1' }),
      windowAt(10, { sessionId: 'by address', evidence: client('192.0.2.77', null) }),
      windowAt(10, { sessionId: 'by address 6', evidence: client('2001:db8::7', null) }),
      windowAt(10, { sessionId: 'by agent', evidence: client('no address', 'PriceBot/2.1 (+https://shop.example)') }),
      windowAt(10, { sessionId: 'other', userId: 'u2', evidence: client('192.0.3.1', 'PriceBot/1') }),
      windowAt(40, { sessionId: 'by session', ruleId: 'BOT_LIKE' }),
    ]
    before(() => insertAnomalies(database.db, COMING))
    afterEach(() => database.db.query('DELETE FROM allowlist_entries'))

    const expires_ts = soon(30).toISOString()
    const post = (body: object) => call('POST', '/allowlist', {}, { reason: 'ours', expires_ts, ...body })
    const add = async (kind: string, value: string, more: object = {}) =>
      readAnswer<AllowlistEntry>('addAllowlistEntry', await post({ kind, value, ...more }))
    const covered = async (query = 'allowlisted=true') => {
      const answer = await call('GET', `/anomalies?status=open&${query}`)
      return (await readAnswer<AnomalyList>('listAnomalies', answer)).data.map(({ session_id, rule_id }) =>
        rule_id === 'BOT_LIKE' ? `${session_id} later` : session_id,
      )
    }
    const bursts = () => readBursts(database.db, ROWS[0]?.dbWriteTs as Date, soon(60))
    const flaggedOf = async (at: Date) =>
      (await readDayManifest(database.db, parseUtcDay(at.toISOString().slice(0, 10)), UTC)).flaggedSessions

    const KINDS: readonly (readonly [kind: string, value: string, session: string])[] = [
      ['session', 'by session', 'by session'],
      ['user', 'u1', 'by user'],
      ['address', '192.0.2.77', 'by address'],
      ['address', '192.0.2.0/25', 'by address'],
      ['address', '2001:db8::/32', 'by address 6'],
      ['user_agent', 'PriceBot/2.1 (+https://shop.example)', 'by agent'],
      ['user_agent', 'PriceBot/2.1 *', 'by agent'],
    ]
    for (const [kind, value, session] of KINDS)
      it(`covers the open anomalies of the ${kind} ${value}, and no others, for figures too`, async () => {
        assert.ok((await flaggedOf(soon(10))).includes(session))
        const { id } = await add(kind, value)
        assert.deepEqual(await covered(), [session])
        assert.equal((await covered('allowlisted=false')).length, COMING.length - 1)
        // The window after its end flags the session still.
        assert.equal((await flaggedOf(soon(10))).includes(session), session === 'by session')
        const answer = await call('GET', `/anomalies?status=open&allowlisted=true`)
        assert.equal((await readAnswer<AnomalyList>('listAnomalies', answer)).data[0]?.allowlist_entry_id, id)
      })

    it('frees what comes after its end, and keeps what it covered', async () => {
      await add('session', 'by session')
      assert.deepEqual(await covered(), ['by session'])
      const { id } = await add('user', 'u1', { starts_ts: soon(-10).toISOString() })
      assert.deepEqual(await covered(), ['by user', 'by session'])
      const ended = await call('DELETE', `/allowlist/${id}`)
      assert.ok((await readAnswer<AllowlistEntry>('endAllowlistEntry', ended)).expires_ts < expires_ts)
      assert.deepEqual(await covered(), ['by session'])
      await add('session', 'a', { starts_ts: '2026-10-01T12:00:05Z' })
      const a = await call('GET', '/anomalies?session=a')
      assert.ok((await readAnswer<AnomalyList>('listAnomalies', a)).data[0]?.allowlist_entry_id)
    })

    it('keeps those that it covers out of bursts', async () => {
      const sessions = async () => (await bursts()).find(({ ruleId }) => ruleId === 'HIGH_FREQUENCY')?.sessions ?? 0
      const before = await sessions()
      await add('address', '192.0.2.0/24')
      assert.equal(await sessions(), before - 1)
    })

    it('has an end, a reason, and no more than it may', async () => {
      const refused: readonly (readonly [object, string])[] = [
        [{ kind: 'session', value: 's', expires_ts: '2999-01-01' }, 'the end is more than 90 days from now'],
        [{ kind: 'session', value: 's', expires_ts: '2020-01-01' }, 'the end is not after the start'],
        [{ kind: 'session', value: 's', starts_ts: '2019-01-01', expires_ts: '2020-01-01' }, 'the end has passed'],
        [{ kind: 'address', value: '0.0.0.0/0' }, 'a range of less than /8 is too wide'],
        [
          { kind: 'user_agent', value: 'Mozilla*' },
          'a beginning of a user agent has at least 12 characters before the *',
        ],
        [{ kind: 'user_agent', value: 'a*b' }, '* stands at the end alone'],
        [{ kind: 'address', value: 'localhost' }, 'not an address or a range of addresses'],
        [{ kind: 'session', value: 's', reason: '' }, 'must not be empty'],
      ]
      for (const [body, message] of refused)
        assert.equal((await readProblem(await post(body))).errors?.[0]?.message, message)
      const full = await serveRealApi(database.db, { ALLOWLIST_MAX_ENTRIES: '1' })
      await add('session', 'first')
      const second = await fetch(`${full.url}/allowlist`, {
        method: 'POST',
        headers: { ...asAdmin, 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'session', value: 'second', reason: 'ours', expires_ts }),
      })
      assert.equal((await readProblem(second)).code, 'ALLOWLIST_FULL')
      await full.stop()
    })

    it('is a list with pages, and every change is in the audit log', async () => {
      const first = await add('session', 's1')
      await add('user', 's2')
      const page = (query: string) => call('GET', `/allowlist?${query}`)
      const one = await readAnswer<AllowlistList>('listAllowlist', await page('limit=1'))
      const two = await readAnswer<AllowlistList>('listAllowlist', await page(`cursor=${one.page.next_cursor ?? ''}`))
      assert.deepEqual([one.data.length, two.data.length, two.page.next_cursor], [1, 1, null])
      assert.equal((await readAnswer<AllowlistList>('listAllowlist', await page('kind=user'))).data[0]?.value, 's2')
      await readAnswer('getAllowlistEntry', await call('GET', `/allowlist/${first.id}`))
      await call('DELETE', `/allowlist/${first.id}`)
      const records = await listAudit(database.db, { target: `allowlist/${first.id}`, limit: 9 })
      assert.deepEqual(
        records.map(({ action }) => action),
        ['allowlist.end', 'allowlist.add'],
      )
      const nobody = await call('DELETE', `/allowlist/${'0'.repeat(36)}`)
      assert.equal((await readProblem(nobody)).code, 'ENTRY_NOT_FOUND')
    })

    it('shows the client of an anomaly to analysts, and not to viewers', async () => {
      const crossedFor = async (role: string) => {
        const made = await call('POST', '/keys', {}, { name: role, role })
        const { key } = await readAnswer<{ key: string }>('createKey', made)
        const answer = await call('GET', '/anomalies?session=by%20address', withKey(key))
        const { data } = await readAnswer<AnomalyList>('listAnomalies', answer)
        return data[0]?.evidence['crossed']
      }
      assert.deepEqual(await crossedFor('viewer'), { offset: 7 })
      assert.deepEqual(await crossedFor('analyst'), { offset: 7, client: { ip: '192.0.2.77', user_agent: null } })
    })
  })
})
