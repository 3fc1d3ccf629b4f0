import assert from 'node:assert/strict'
import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import type { Database } from '../../../db/pool.js'
import { withTransaction } from '../../../db/with-transaction.js'
import { createTestDatabase, useTestStack, type TestDatabase } from '../../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js'
import { openTestPool } from '../../support/test-pool.js'

describe('pool', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: TestDatabase
  let proxy: TcpProxy
  let db: Database
  let stop: () => Promise<void>
  before(async () => {
    database = await createTestDatabase('pool')
    proxy = await startTcpProxy(new URL(database.url))
  })
  after(async () => {
    await proxy.close()
    await database.drop()
  })
  beforeEach(async () => {
    proxy.heal()
    const part = await openTestPool(proxy.urlOf(database.url), {
      max: 2,
      connectTimeoutMs: 300,
      statementTimeoutMs: 400,
      lockTimeoutMs: 100,
    })
    db = part.value
    stop = part.stop
    await db.query('CREATE TABLE IF NOT EXISTS t (x int PRIMARY KEY)')
    await db.query('TRUNCATE t')
  })
  afterEach(() => stop())

  const rowsOfT = async () => (await db.query<{ x: number }>('SELECT t.x FROM t ORDER BY t.x')).rows.map(({ x }) => x)

  it('waits for its commits to be stored, also on a server that would not, unless it is told otherwise', async () => {
    const settingOf = async (pool: Database) => (await pool.query('SHOW synchronous_commit')).rows
    await db.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET synchronous_commit = off`)
    const told = await openTestPool(database.url, { asynchronousCommit: true })
    const untold = await openTestPool(database.url)
    assert.deepEqual(await settingOf(untold.value), [{ synchronous_commit: 'on' }])
    assert.deepEqual(await settingOf(told.value), [{ synchronous_commit: 'off' }])
    await Promise.all([told.stop(), untold.stop()])
  })

  describe('query', () => {
    it('gives bigint as a number, alone and in arrays, and refuses one that a number cannot hold', async () => {
      const { rows } = await db.query('SELECT $1::bigint AS a, $2::bigint[] AS b', [
        9_007_199_254_740_991,
        [1, null, -9_007_199_254_740_991],
      ])
      assert.deepEqual(rows, [{ a: 9_007_199_254_740_991, b: [1, null, -9_007_199_254_740_991] }])
      await assert.rejects(db.query('SELECT 9007199254740992::bigint'), { code: 'GRD_STORE_REFUSED' })
      await assert.rejects(db.query('SELECT ARRAY[9007199254740992]::bigint[]'), { code: 'GRD_STORE_REFUSED' })
    })

    it('gives an instant as a Date to the millisecond, whatever the time zone of the server', async () => {
      const texts = [
        '2026-10-01T23:59:00.123Z',
        '2026-10-01T23:59:00Z',
        '1969-12-31T23:59:59.001Z',
        '0099-01-01T00:00Z',
      ]
      for (const zone of ['UTC', 'Asia/Kolkata', 'America/New_York'])
        await withTransaction(db, async (tx) => {
          await tx.query(`SELECT set_config('TimeZone', $1, true)`, [zone])
          const { rows } = await tx.query<{ at: Date }>(
            `SELECT t.at + interval '0.9 ms' AS at FROM unnest($1::timestamptz[]) AS t (at)`,
            [texts],
          )
          assert.deepEqual(
            rows.map(({ at }) => at.toISOString()),
            texts.map((text) => new Date(text).toISOString()),
          )
        })
    })

    it('is ended by the server when a statement or a lock takes too long', async () => {
      await assert.rejects(db.query('SELECT pg_sleep(5)'), { code: 'GRD_STORE_TIMEOUT', message: /57014/ })
      await withTransaction(db, async (tx) => {
        await tx.query('LOCK TABLE t')
        await assert.rejects(db.query('SELECT FROM t'), { code: 'GRD_STORE_CONFLICT' })
      })
    })

    it('ends by itself when the network swallows the answer, and its connection is not used again', async () => {
      await db.query('SELECT 1')
      proxy.blackHole()
      await assert.rejects(db.query('SELECT 2'), { code: 'GRD_STORE_TIMEOUT' })
      assert.equal(db.load().open, 0)
      await assert.rejects(db.query('SELECT 3'), { code: 'GRD_STORE_UNAVAILABLE' })
      proxy.heal()
      assert.deepEqual((await db.query('SELECT 4 AS x')).rows, [{ x: 4 }])
    })

    it('does not wait for a free connection for ever', async () => {
      const connections = [await db.checkOut(), await db.checkOut()]
      await assert.rejects(db.query('SELECT 1'), { code: 'GRD_STORE_UNAVAILABLE' })
      connections.forEach((connection) => connection.release())
      await db.query('SELECT 1')
    })

    it('survives that its connections are ended, idle or at work, and logs no more than that', async () => {
      let lines = ''
      await stop()
      const log = pino({ level: 'warn' }, { write: (line) => (lines += line) })
      ;({ value: db, stop } = await openTestPool(proxy.urlOf(database.url), { max: 2 }, log))
      const [busy, idle] = [await db.checkOut(), await db.checkOut()]
      idle.release()
      assert.equal(db.load().idle, 1)
      const { value: killer, stop: stopKiller } = await openTestPool(database.url)
      await killer.query(
        `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()`,
      )
      await stopKiller()
      await eventually(() => {
        assert.match(lines, /"postgres_idle_connection_lost"/)
      })
      await assert.rejects(busy.query('SELECT 1'), { code: 'GRD_STORE_UNAVAILABLE' })
      busy.release()
      await eventually(async () => {
        assert.deepEqual((await db.query('SELECT 1 AS x')).rows, [{ x: 1 }])
      })
      assert.doesNotMatch(lines, /connectionParameters/)
    })

    it('does not print parameters in an error of drizzle either', async () => {
      await assert.rejects(
        db.select((orm) => orm.execute(sql`SELECT ${'secret'}::int`)),
        (error: Error) => {
          assert.equal(Reflect.get(error, 'code'), 'GRD_STORE_REFUSED')
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  })

  describe('withTransaction', () => {
    it('stores all of it, or nothing, and throws what the work threw', async () => {
      assert.equal(
        await withTransaction(db, async (tx) => {
          await tx.query('INSERT INTO t VALUES (1)')
          return 'done'
        }),
        'done',
      )
      const cause = new RangeError('own')
      await assert.rejects(
        withTransaction(db, async (tx) => {
          await tx.query('INSERT INTO t VALUES (2)')
          throw cause
        }),
        (error) => error === cause,
      )
      assert.deepEqual(await rowsOfT(), [1])
    })

    it('gives the connection back after a refusal, and closes it after a timeout', async () => {
      await assert.rejects(
        withTransaction(db, (tx) => tx.query('SELECT 1/0')),
        { code: 'GRD_STORE_REFUSED' },
      )
      assert.deepEqual([db.load().open, db.load().idle], [1, 1])
      await assert.rejects(
        withTransaction(db, (tx) => tx.query('SELECT pg_sleep(5)')),
        { code: 'GRD_STORE_TIMEOUT' },
      )
      assert.equal(db.load().open, 0)
    })

    it('does not call work stored whose error was swallowed', async () => {
      await assert.rejects(
        withTransaction(db, async (tx) => {
          await tx.query('INSERT INTO t VALUES (3)')
          await tx.query('INSERT INTO t VALUES (3)').catch(() => 'swallowed')
        }),
        { code: 'GRD_STORE_REFUSED' },
      )
      assert.deepEqual(await rowsOfT(), [])
    })

    it('says that nobody knows, when the connection is cut during COMMIT; what it says is true', async () => {
      proxy.cutAfter('COMMIT')
      await assert.rejects(
        withTransaction(db, (tx) => tx.query('INSERT INTO t VALUES (4)')),
        { code: 'GRD_COMMIT_UNKNOWN' },
      )
      assert.equal(db.load().open, 0)
      proxy.heal()
      await eventually(async () => assert.deepEqual(await rowsOfT(), [4]))
    })

    it('stores nothing when the connection is cut before', async () => {
      proxy.cutAfter('INSERT')
      await assert.rejects(
        withTransaction(db, (tx) => tx.query('INSERT INTO t VALUES (5)')),
        { code: 'GRD_STORE_UNAVAILABLE' },
      )
      proxy.heal()
      assert.deepEqual(await rowsOfT(), [])
      assert.equal(db.load().waiting, 0)
    })
  })
})

/** Tries again for two seconds: a server needs a moment to see that a connection is gone. */
async function eventually(check: () => Promise<void> | void): Promise<void> {
  for (const deadline = Date.now() + 2_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}
