import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listAudit } from '../../db/read-models/audit.js'
import { runGuardian } from '../support/child-process.js'
import { temporaryDir, useTestStack } from '../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../support/test-pool.js'

interface Verdict {
  readonly records: number
  readonly head: { readonly seq: number; readonly hash: string } | null
  readonly expected: boolean
}

describe('guardian rules and guardian audit', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => (database = await createMigratedDatabase('audit command')))
  after(() => database.drop())
  const run = (...args: string[]) =>
    runGuardian([...args, '--json'], { DATABASE_URL: database.url, GUARDIAN_DATA_DIR: '/nonexistent' })

  it('write down who changed a rule, from what to what', async () => {
    assert.equal((await run('rules', 'set', 'HIGH_FREQUENCY', 'minEvents=20')).code, 0)
    assert.equal((await run('rules', 'retire', 'HIGH_FREQUENCY')).code, 0)
    const [retired, set] = await listAudit(database.db, { limit: 10 })
    assert.deepEqual([retired?.action, set?.action], ['rule.retire', 'rule.activate'])
    assert.deepEqual([set?.actor, set?.target], ['cli', 'rule/HIGH_FREQUENCY/2'])
    assert.equal((set?.before as { parameters: { minEvents: number } }).parameters.minEvents, 50)
    assert.equal((set?.after as { parameters: { minEvents: number } }).parameters.minEvents, 20)
    assert.equal((retired?.after as { state: string }).state, 'retired')
  })

  it('export every record, once, to a file of nobody else', async () => {
    const dir = temporaryDir()
    const file = join(dir, 'audit.ndjson')
    assert.equal((await run('audit', 'export', file)).code, 0)
    const text = readFileSync(file, 'utf8')
    const lines = text.trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { action?: string }).action),
      [undefined, 'rule.activate', 'rule.retire', undefined],
    )
    assert.equal((await run('audit', 'export', file)).code, 1)
    assert.equal(readFileSync(file, 'utf8'), text)

    const verified = await run('audit', 'verify-file', file)
    const { head, records } = JSON.parse(verified.stdout) as Verdict
    assert.deepEqual([verified.code, records, head?.seq], [0, 2, 2])
    assert.equal((await run('audit', 'verify-file', file, '--expect', `2:${head?.hash ?? ''}`)).code, 0)
    assert.equal((await run('audit', 'verify-file', file, '--expect', `2:${'0'.repeat(64)}`)).code, 1)
    writeFileSync(file, text.replace('"minEvents":20', '"minEvents":21'))
    assert.equal((await run('audit', 'verify-file', file)).code, 1)
    assert.equal((await run('audit', 'verify-file', join(dir, 'nothing'))).code, 1)
    rmSync(dir, { recursive: true })
    assert.ok(!existsSync(dir))
  })

  it('tell when the end was cut off, given a head that was noted before', async () => {
    const whole = await run('audit', 'verify')
    const { head, records } = JSON.parse(whole.stdout) as Verdict
    assert.deepEqual([whole.code, records], [0, 2])
    const noted = `${head?.seq ?? 0}:${head?.hash ?? ''}`
    assert.equal((await run('audit', 'verify', '--expect', noted)).code, 0)
    await database.db.query('ALTER TABLE audit_log DISABLE TRIGGER audit_log_insert_only')
    await database.db.query('DELETE FROM audit_log WHERE seq = 2')
    assert.equal((await run('audit', 'verify')).code, 0)
    const cut = await run('audit', 'verify', '--expect', noted)
    assert.deepEqual([cut.code, (JSON.parse(cut.stdout) as Verdict).expected], [1, false])
    assert.equal((await run('audit', 'verify', '--expect', '1:x')).code, 2)
  })
})
