import assert from 'node:assert/strict'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertMigrated, migrate, migrationsFolder } from '../../../db/migrate.js'
import { createTestDatabase, useTestStack, type TestDatabase } from '../../support/stack.js'
import { openTestPool } from '../../support/test-pool.js'

const settings = { connectTimeoutMs: 5_000, lockWaitMs: 10_000 }

describe('migrate', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: TestDatabase
  let folder: string
  beforeEach(async () => {
    database = await createTestDatabase('migrate')
    folder = mkdtempSync(join(tmpdir(), 'guardian-migrations-'))
    cpSync(migrationsFolder, folder, { recursive: true })
  })
  afterEach(async () => {
    rmSync(folder, { recursive: true })
    await database.drop()
  })

  const withDatabase = async <T>(work: (query: (text: string) => Promise<object[]>) => Promise<T>): Promise<T> => {
    const { value: db, stop } = await openTestPool(database.url)
    try {
      return await work(async (text) => (await db.query(text)).rows)
    } finally {
      await stop()
    }
  }

  it('applies what is missing, once, however many start at the same time', async () => {
    const names = await Promise.all([1, 2, 3, 4, 5].map(() => migrate(database.url, settings)))
    const applied = names.filter((one) => one.length > 0)
    assert.equal(applied.length, 1)
    assert.equal(applied[0]?.[0], '0000_detection')
    assert.deepEqual(await migrate(database.url, settings), [])
  })

  it('gives keys of before users an owner: the same to a key and what it was rotated to', async () => {
    const journal = join(folder, 'meta', '_journal.json')
    const { entries, ...rest } = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { tag: string }[] }
    const before = entries.filter(({ tag }) => tag < '0020')
    writeFileSync(journal, JSON.stringify({ ...rest, entries: before }))
    await migrate(database.url, { ...settings, folder })
    await withDatabase(async (query) => {
      const key = (id: string, name: string, role: string, by: string, created: string) =>
        `('key_${id}', '${name}', '${role}', sha256('${id}'), '${by}', '${created}')`
      await query(`INSERT INTO api_keys (key_id, name, role, digest, created_by, created_ts) VALUES
        ${key('1', 'first admin', 'admin', 'system', '2026-01-01')}, ${key('2', 'first admin', 'admin', 'system', '2026-02-01')},
        ${key('3', 'shop', 'collector', 'key_1', '2026-03-01')}, ${key('4', 'shop', 'collector', 'key_1', '2026-04-01')},
        ${key('5', 'shop', 'admin', 'key_1', '2026-05-01')}`)
      await migrate(database.url, settings)
      const owned = await query(`SELECT u.name, u.kind, u.role, u.created_ts::date::text AS since,
          string_agg(k.key_id, ' ' ORDER BY k.key_id) AS keys FROM api_users u JOIN api_keys k USING (user_id)
         GROUP BY u.user_id ORDER BY keys`)
      assert.deepEqual(owned, [
        { name: 'first admin', kind: 'person', role: 'admin', since: '2026-01-01', keys: 'key_1 key_2' },
        { name: 'shop', kind: 'service', role: 'collector', since: '2026-03-01', keys: 'key_3 key_4' },
        { name: 'shop', kind: 'service', role: 'admin', since: '2026-05-01', keys: 'key_5' },
      ])
    })
  })

  it('refuses a database that is newer than the code', async () => {
    await migrate(database.url, settings)
    await withDatabase((query) =>
      query(`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('later', 9000000000000)`),
    )
    await assert.rejects(migrate(database.url, settings), { code: 'GRD_MIGRATION', message: /newer than this code/ })
    const { value: db, stop } = await openTestPool(database.url)
    await assert.rejects(assertMigrated(db), { code: 'GRD_MIGRATION', message: /newer than this code/ })
    await stop()
  })

  it('refuses a migration that was edited after it was applied', async () => {
    await migrate(database.url, { ...settings, folder })
    appendFileSync(join(folder, '0000_detection.sql'), '\n-- a comment')
    await assert.rejects(migrate(database.url, { ...settings, folder }), {
      code: 'GRD_MIGRATION',
      message: /0000_detection was edited/,
    })
  })

  it('leaves nothing behind of a migration that fails, and says why', async () => {
    writeFileSync(
      join(folder, '0000_detection.sql'),
      'CREATE TABLE half (x int);\n--> statement-breakpoint\nCREATE TABLE half (x int);',
    )
    await assert.rejects(migrate(database.url, { ...settings, folder }), {
      code: 'GRD_MIGRATION',
      message: /migration failed \(42P07\): relation "half" already exists/,
    })
    assert.deepEqual(await withDatabase((query) => query(`SELECT to_regclass('half') AS found`)), [{ found: null }])
  })

  it('gives up on another process that migrates for too long, with an error that is tried again', async () => {
    await withDatabase(async (query) => {
      await query('SELECT pg_advisory_lock(7236401)')
      await assert.rejects(migrate(database.url, { ...settings, lockWaitMs: 100 }), { code: 'GRD_STORE_CONFLICT' })
    })
  })

  it('says that nobody is there', async () => {
    const url = new URL(database.url)
    url.port = '1'
    await assert.rejects(migrate(url.href, settings), { code: 'GRD_STORE_UNAVAILABLE' })
  })

  it('is missed by a process that starts too early', async () => {
    const { value: db, stop } = await openTestPool(database.url)
    await assert.rejects(assertMigrated(db), { code: 'GRD_MIGRATION', message: /is not migrated to 0/ })
    await migrate(database.url, settings)
    await assertMigrated(db)
    await stop()
  })
})
