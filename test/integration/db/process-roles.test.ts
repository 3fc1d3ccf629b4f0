import assert from 'node:assert/strict'
import pg from 'pg'
import { loginOf, PROCESS_ROLES, TABLE_GRANTS, type ProcessRole } from '../../../db/process-roles.js'
import { migrate } from '../../../db/migrate.js'
import { ensureDayPartition } from '../../../db/stores/partitions.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import { urlAs } from '../../support/process-logins.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, openTestPool, type MigratedDatabase } from '../../support/test-pool.js'

const LETTERS = { SELECT: 'r', INSERT: 'a', UPDATE: 'w', DELETE: 'd' } as const

/** What each login must not do, whatever a table of grants says. */
const DENIED: readonly (readonly [ProcessRole, string])[] = [
  ['api', `UPDATE audit_log SET actor = 'nobody'`],
  ['api', 'DELETE FROM audit_log'],
  ['api', 'TRUNCATE audit_log'],
  ['api', 'ALTER TABLE audit_log DISABLE TRIGGER audit_log_insert_only'],
  ['api', 'DROP TABLE audit_log'],
  ['api', 'DELETE FROM anomaly_sessions'],
  ['api', `UPDATE anomaly_sessions SET status = 'retracted'`],
  ['api', 'DELETE FROM api_keys'],
  ['api', 'DELETE FROM api_users'],
  ['api', 'UPDATE detector_checkpoints SET next_offset = 0'],
  ['api', `SELECT ensure_anomaly_partition('2030-01-01')`],
  ['api', 'UPDATE archive_files SET row_count = 1'],
  ['detector', 'SELECT FROM api_keys'],
  ['detector', 'SELECT FROM audit_log'],
  ['detector', `INSERT INTO rules (rule_id, version, kind, state, parameters) VALUES ('X', 1, 'X', 'draft', '{}')`],
  ['detector', 'DELETE FROM anomaly_sessions'],
  ['detector', 'ALTER TABLE anomaly_sessions DETACH PARTITION anomaly_sessions_20261001'],
  ['detector', 'DROP TABLE anomaly_sessions_20261001'],
  ['detector', 'SELECT FROM anomaly_sessions_20261001'],
  ['archiver', 'SELECT FROM anomaly_sessions'],
  ['archiver', 'SELECT FROM api_sessions'],
  ['archiver', 'DELETE FROM archive_files'],
  ['orchestrator', 'SELECT FROM api_keys'],
  ['orchestrator', 'SELECT FROM api_users'],
  ['orchestrator', 'SELECT FROM audit_log'],
  ['orchestrator', 'UPDATE detector_checkpoints SET next_offset = 0'],
  ['orchestrator', `UPDATE rules SET state = 'retired'`],
  ['orchestrator', 'UPDATE alert_history SET event_count = 0'],
  ...PROCESS_ROLES.flatMap((role): (readonly [ProcessRole, string])[] => [
    [role, 'SET ROLE guardian'],
    [role, 'SELECT FROM pg_catalog.pg_authid'],
    [role, 'CREATE ROLE intruder'],
    [role, `SELECT pg_read_file('postgresql.conf')`],
    [role, 'INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES (1, 1)'],
  ]),
  ...(['detector', 'archiver', 'api'] as const).flatMap((role): (readonly [ProcessRole, string])[] => [
    [role, 'CREATE TABLE public.anything (x int)'],
    [role, 'SET ROLE guardian_partitions'],
  ]),
]

describe('the logins of the processes', function () {
  this.timeout(60_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  const clients = new Map<ProcessRole, pg.Client>()
  before(async () => {
    database = await createMigratedDatabase('process roles')
    await insertAnomalies(database.db, [anomalyRow()])
    for (const role of PROCESS_ROLES) {
      const client = new pg.Client({ connectionString: urlAs(role, database.url) })
      await client.connect()
      clients.set(role, client)
    }
  })
  after(async () => {
    for (const client of clients.values()) await client.end()
    await database.drop()
  })

  const as = (role: ProcessRole): pg.Client => {
    const client = clients.get(role)
    assert.ok(client)
    return client
  }

  const held = async (): Promise<Record<string, Partial<Record<ProcessRole, string>>>> => {
    const { rows } = await database.db.query<{ table: string; login: string; privilege: keyof typeof LETTERS }>(
      `SELECT c.relname AS "table", l.login, p.privilege
         FROM pg_class c CROSS JOIN unnest($1::text[]) WITH ORDINALITY AS l (login, place)
        CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
              WITH ORDINALITY AS p (privilege, place)
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND has_table_privilege(l.login, c.oid, p.privilege)
        ORDER BY c.relname, l.place, p.place`,
      [PROCESS_ROLES.map(loginOf)],
    )
    const found: Record<string, Partial<Record<ProcessRole, string>>> = {}
    for (const { table, login, privilege } of rows) {
      const role = login.replace('guardian_', '') as ProcessRole
      const byRole = (found[table] ??= {})
      byRole[role] = (byRole[role] ?? '') + LETTERS[privilege]
    }
    return found
  }

  it('may do with every table what db/process-roles.ts says, and nothing else', async () => {
    const { anomaly_sessions: days, ...others } = await held()
    const { anomaly_sessions: wantedDays, ...listed } = TABLE_GRANTS
    // Of some tables nobody but the owner may have anything.
    const wanted = Object.fromEntries(Object.entries(listed).filter(([, byRole]) => Object.keys(byRole).length > 0))
    assert.deepEqual(others, wanted, 'a table that is not there yet is to be added')
    assert.deepEqual({ ...days, orchestrator: 'r' }, wantedDays) // the orchestrator has all, as one that owns it
  })

  for (const [role, statement] of DENIED)
    it(`does not let the ${role} ${statement}`, async () => {
      await assert.rejects(as(role).query(statement), (error: unknown) => {
        assert.match(String(error), /permission denied|must be owner/)
        return true
      })
    })

  it('let detector and orchestrator have a missing day made, which then belongs to no process', async () => {
    for (const [role, day] of [
      ['detector', '2031-05-01'],
      ['orchestrator', '2031-05-02'],
    ] as const) // prettier-ignore
    {
      const { value: db, stop } = await openTestPool(urlAs(role, database.url))
      try {
        assert.equal(await ensureDayPartition(db, day), true)
      } finally {
        await stop()
      }
      await insertAnomalies(database.db, [anomalyRow({ windowStart: new Date(`${day}T10:00:00Z`), windowEnd: new Date(`${day}T10:00:10Z`) })]) // prettier-ignore
    }
    await assert.rejects(as('detector').query('DROP TABLE anomaly_sessions_20310501'), /must be owner/)
  })

  it("do not let a caller's temporary tables lead the making of a day astray", async () => {
    const detector = as('detector')
    await detector.query(
      'CREATE TEMP TABLE anomaly_sessions (window_start timestamptz) PARTITION BY RANGE (window_start)',
    )
    await detector.query(`SELECT ensure_anomaly_partition('2031-05-03')`)
    await detector.query('DROP TABLE pg_temp.anomaly_sessions')
    const { rows } = await database.db.query(
      `SELECT FROM pg_inherits i WHERE i.inhrelid = 'public.anomaly_sessions_20310503'::regclass AND i.inhparent = 'public.anomaly_sessions'::regclass`,
    )
    assert.equal(rows.length, 1)
  })

  it('get back what was taken from them, and lose what was given to them, with the next migration', async () => {
    await database.db.query('GRANT UPDATE, DELETE ON audit_log TO guardian_api')
    await database.db.query('REVOKE INSERT ON audit_log FROM guardian_api')
    await migrate(database.url, { connectTimeoutMs: 5_000, lockWaitMs: 10_000 })
    assert.deepEqual((await held())['audit_log'], { api: 'ra' })
  })
})
