import assert from 'node:assert/strict'
import { listAudit, verifyAudit } from '../../../db/read-models/audit.js'
import { listDecidingRules, putRuleVersion } from '../../../db/stores/rules.js'
import type { Session } from '../../../schemas/rest/keys.js'
import type { RuleVersion } from '../../../schemas/rest/rules.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { sendJson } from '../../support/send-json.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { serveRealApi } from '../../support/serve-real-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const RULE = '/rules/HIGH_FREQUENCY'
const DRAFT = { kind: 'HIGH_FREQUENCY', parameters: { windowMs: 10_000, slideMs: 10_000, minEvents: 20 } }

describe('rules', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: Awaited<ReturnType<typeof serveRealApi>>
  beforeEach(async () => {
    database = await createMigratedDatabase('rules')
    api = await serveRealApi(database.db)
  })
  afterEach(async () => {
    await api.stop()
    await database.drop()
  })
  const call = (method: string, path: string, body?: object, headers: Record<string, string> = asAdmin) =>
    sendJson(`${api.url}${path}`, method, headers, body)
  const etagOf = async (path: string) => (await call('GET', path)).headers.get('etag') ?? ''
  const setState = async (version: number, state: string) =>
    call('PUT', `${RULE}/versions/${version}/state`, { state }, {
      ...asAdmin,
      'if-match': await etagOf(`${RULE}/versions/${version}`),
    }) // prettier-ignore
  const deciding = async () =>
    (await listDecidingRules(database.db))
      .filter(({ ruleId }) => ruleId === 'HIGH_FREQUENCY')
      .map(({ version, state }) => `${version} ${state}`)

  it('go from a draft into shadow, into force and out of it; the one before gives way', async () => {
    const created = await call('POST', `${RULE}/versions`, DRAFT)
    assert.equal(created.headers.get('location'), `${RULE}/versions/2`)
    const draft = await readAnswer<RuleVersion>('createDraft', created)
    assert.deepEqual([draft.version, draft.state, draft.parameters], [2, 'draft', DRAFT.parameters])
    assert.deepEqual(await deciding(), ['1 active'])
    await readAnswer('setRuleState', await setState(2, 'shadow'))
    assert.deepEqual(await deciding(), ['1 active', '2 shadow'])
    await readAnswer('setRuleState', await setState(2, 'active'))
    assert.deepEqual(await deciding(), ['2 active'])
    await readAnswer('setRuleState', await setState(2, 'retired'))
    assert.deepEqual(await deciding(), [])
    assert.equal((await readProblem(await setState(2, 'active'))).code, 'WRONG_STATE')
    const actions = (await listAudit(database.db, { limit: 100 })).map(({ action, target }) => `${action} ${target}`)
    const ofRules = actions.reverse().filter((action) => action.startsWith('rule.')) // the first admin is made before
    assert.deepEqual(ofRules, [
      'rule.draft rule/HIGH_FREQUENCY/2',
      'rule.shadow rule/HIGH_FREQUENCY/2',
      'rule.retire rule/HIGH_FREQUENCY/1',
      'rule.activate rule/HIGH_FREQUENCY/2',
      'rule.retire rule/HIGH_FREQUENCY/2',
    ])
  })

  it('say what differs between two versions', async () => {
    await call('POST', `${RULE}/versions`, DRAFT)
    const diff = await readAnswer<{ changes: unknown }>('getRuleDiff', await call('GET', `${RULE}/diff?from=1&to=2`))
    assert.deepEqual(diff.changes, [{ name: 'minEvents', from: 50, to: 20 }])
    assert.equal((await readProblem(await call('GET', `${RULE}/diff?from=1&to=9`))).code, 'RULE_NOT_FOUND')
    assert.equal((await readProblem(await call('GET', '/rules/NONE'))).code, 'RULE_NOT_FOUND')
    await readAnswer('listRules', await call('GET', '/rules'))
    await readAnswer('listRuleVersions', await call('GET', RULE))
  })

  it('are refused when the detector would refuse them, with the reason', async () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ ...DRAFT, kind: 'NOPE' }, /no rule kind NOPE/],
      [{ ...DRAFT, parameters: { ...DRAFT.parameters, minEvents: 0 } }, /minEvents/],
      [{ ...DRAFT, parameters: { ...DRAFT.parameters, windowMs: 10_001 } }, /./],
      [{ ...DRAFT, parameters: { ...DRAFT.parameters, other: 1 } }, /no parameter other/],
    ]
    for (const [body, reason] of cases) {
      const problem = await readProblem(await call('POST', `${RULE}/versions`, body))
      assert.deepEqual([problem.code, problem.status], ['BAD_RULE', 422])
      assert.match(problem.detail, reason)
    }
  })

  it('do not take the place of a version with shorter windows, which would be overwritten', async () => {
    await call('POST', `${RULE}/versions`, { ...DRAFT, parameters: { ...DRAFT.parameters, windowMs: 20_000 } })
    await readAnswer('setRuleState', await setState(2, 'shadow')) // of a mode of its own
    const problem = await readProblem(await setState(2, 'active'))
    assert.deepEqual([problem.code, problem.status], ['BAD_RULE', 422])
    assert.match(problem.detail, /longer than those of version 1.*retire version 1 first/)
    assert.deepEqual(await deciding(), ['1 active', '2 shadow'])
    await readAnswer('setRuleState', await setState(1, 'retired'))
    await readAnswer('setRuleState', await setState(2, 'active'))
    const by = { actor: 'test', actorName: 'test', requestId: 'test', idempotencyKey: undefined }
    const put = (windowMs: number) =>
      putRuleVersion(
        database.db,
        { ...DRAFT, ruleId: 'HIGH_FREQUENCY', state: 'active', parameters: { ...DRAFT.parameters, windowMs } },
        by,
      )
    await assert.rejects(put(30_000), /longer than those of version 2/)
    assert.equal(await put(10_000), 3)
    assert.deepEqual(await deciding(), ['3 active'])
  })

  it('are changed only by those who have seen what they change', async () => {
    await call('POST', `${RULE}/versions`, DRAFT)
    const path = `${RULE}/versions/2`
    const edit = (ifMatch: string | undefined, minEvents: number) => {
      const parameters = { ...DRAFT.parameters, minEvents }
      return call(
        'PUT',
        path,
        { parameters },
        { ...asAdmin, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
      )
    }
    const seen = await etagOf(path)
    assert.equal((await readProblem(await edit(undefined, 30))).code, 'PRECONDITION_REQUIRED')
    const edited = await edit(seen, 30)
    assert.deepEqual([edited.status, edited.headers.get('etag')], [200, await etagOf(path)])
    assert.equal((await readProblem(await edit(seen, 40))).code, 'PRECONDITION_FAILED')
    assert.equal((await readProblem(await edit(`W/${await etagOf(path)}`, 40))).code, 'PRECONDITION_FAILED')
    const active = await etagOf(`${RULE}/versions/1`)
    const problem = await call(
      'PUT',
      `${RULE}/versions/1`,
      { parameters: DRAFT.parameters },
      { ...asAdmin, 'if-match': active },
    )
    assert.equal((await readProblem(problem)).code, 'WRONG_STATE')
  })

  it('let one of many who change the same version at once win', async () => {
    await call('POST', `${RULE}/versions`, DRAFT)
    const headers = { ...asAdmin, 'if-match': await etagOf(`${RULE}/versions/2`) }
    const statuses = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const parameters = { ...DRAFT.parameters, minEvents: 100 + n }
        return (await call('PUT', `${RULE}/versions/2`, { parameters }, headers)).status
      }),
    )
    assert.deepEqual(statuses.sort(), [200, ...Array.from({ length: 9 }, () => 412)])
  })

  it('make the whole way, 100 of 100: log in, read with 304s, write, find the audit record', async () => {
    const logIn = await call('POST', '/session', { key: ADMIN_KEY }, {})
    const cookie = (logIn.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const { csrf_token: token } = (await logIn.json()) as Session
    const browser = { cookie, 'x-csrf-token': token ?? '' }
    await call('POST', `${RULE}/versions`, DRAFT, browser)
    for (let n = 1; n <= 100; n += 1) {
      const path = `${RULE}/versions/2`
      const read = await call('GET', path, undefined, browser)
      const etag = read.headers.get('etag') ?? ''
      const again = await call('GET', path, undefined, { ...browser, 'if-none-match': etag })
      const parameters = { ...DRAFT.parameters, minEvents: 100 + n }
      const requestId = `way-${n}`
      const headers = { ...browser, 'if-match': etag, 'x-request-id': requestId }
      const written = await call('PUT', path, { parameters }, headers)
      const after = await call('GET', path, undefined, { ...browser, 'if-none-match': etag })
      const audit = await call('GET', `/audit?request_id=${requestId}`, undefined, browser)
      const { data } = (await audit.json()) as { data: { action: string; after: { parameters: object } }[] }
      assert.deepEqual([read.status, again.status, written.status, after.status], [200, 304, 200, 200], `${n}`)
      assert.deepEqual([data.length, data[0]?.action, data[0]?.after.parameters], [1, 'rule.edit', parameters])
    }
    assert.deepEqual((await verifyAudit(database.db)).faults, [])
  })
})
