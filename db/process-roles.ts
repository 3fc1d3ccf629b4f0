import type { ClientBase } from 'pg'

/** The processes that have a login of their own. */
export const PROCESS_ROLES = ['detector', 'archiver', 'orchestrator', 'api'] as const
export type ProcessRole = (typeof PROCESS_ROLES)[number]

/** The login of a process. */
export const loginOf = (role: ProcessRole): string => `guardian_${role}`

/**
 * Owns `anomaly_sessions` and its days, and nothing else: to detach a day while others write, one has to own it. Nobody
 * logs in as it; the orchestrator is a member.
 */
export const PARTITIONS_ROLE = 'guardian_partitions'

const PRIVILEGES = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE' }

/** What each process may do with each table, in the letters of PostgreSQL's own lists: read, append, write, delete. */
export const TABLE_GRANTS: Readonly<Record<string, Partial<Record<ProcessRole, string>>>> = {
  rules: { detector: 'r', orchestrator: 'r', api: 'raw' },
  anomaly_sessions: { detector: 'raw', orchestrator: 'r', api: 'r' },
  anomaly_verdicts: { orchestrator: 'r', api: 'raw' },
  allowlist_entries: { orchestrator: 'r', api: 'raw' },
  detector_checkpoints: { detector: 'raw', orchestrator: 'r', api: 'r' },
  detector_state_pieces: { detector: 'rad' },
  detector_rule_changes: { detector: 'raw', orchestrator: 'r', api: 'r' },
  schema_readings: { detector: 'rawd', archiver: 'raw', api: 'r' },
  misplaced_sources: { detector: 'raw', orchestrator: 'r', api: 'r' },
  misplaced_sessions: { detector: 'rawd', api: 'r' },
  data_gaps: { detector: 'raw', orchestrator: 'r', api: 'r' },
  event_collisions: { detector: 'rad', orchestrator: 'r' },
  minute_counts: { detector: 'rawd', api: 'r' },
  produced_counts: { detector: 'rd', api: 'raw' },

  // The command line alone, which has the owner's login.
  ingested_logs: {},
  topic_logs: { detector: 'r', archiver: 'r', api: 'r' },
  archive_checkpoints: { archiver: 'raw', orchestrator: 'r', api: 'r' },
  archive_files: { archiver: 'ra', orchestrator: 'rad', api: 'r' },
  archive_compactions: { orchestrator: 'raw' },
  archive_superseded_files: { archiver: 'r', orchestrator: 'rad' },
  archive_slots: { archiver: 'raw', orchestrator: 'r', api: 'r' },
  archive_days: { archiver: 'raw', orchestrator: 'r', api: 'r' },
  archive_ticks: { archiver: 'rad', orchestrator: 'r', api: 'r' },
  archive_gaps: { archiver: 'raw', orchestrator: 'r', api: 'r' },

  pipeline_runs: { orchestrator: 'raw', api: 'r' },
  kpi_days: { orchestrator: 'raw', api: 'r' },
  kpi_quarantine: { orchestrator: 'raw', api: 'rw' },
  kpi_staging: { orchestrator: 'rawd' },
  daily_metrics: { orchestrator: 'rad', api: 'r' },
  popular_items: { orchestrator: 'rad', api: 'r' },
  conversion_funnel: { orchestrator: 'rad', api: 'r' },
  reconciliations: { orchestrator: 'raw', api: 'r' },
  reconciliation_differences: { orchestrator: 'rad', api: 'r' },
  dropped_days: { orchestrator: 'raw', api: 'r' },
  back_tests: { orchestrator: 'rw', api: 'rawd' },
  back_test_parts: { orchestrator: 'raw', api: 'r' },

  alert_history: { orchestrator: 'rad', api: 'r' },
  alert_looks: { orchestrator: 'rad' },
  alert_states: { orchestrator: 'rawd' },
  alert_silence_summaries: { orchestrator: 'rad' },
  alert_silences: { orchestrator: 'r', api: 'raw' },
  alert_deliveries: { orchestrator: 'raw', api: 'r' },
  alert_channels: { orchestrator: 'raw', api: 'r' },
  alert_watches: { orchestrator: 'raw' },
  dead_letter_cursors: { orchestrator: 'raw' },
  dead_letter_fates: { orchestrator: 'ra', api: 'r' },
  dead_letter_replays: { orchestrator: 'ra', api: 'r' },

  api_users: { api: 'raw' },
  api_keys: { api: 'raw' },
  api_sessions: { api: 'rad' },
  idempotency_keys: { api: 'rawd' },
  // Whoever could change or remove what stands there could hide what they did.
  audit_log: { api: 'ra' },
}

/** Who may have a day's partition made. */
const MAKES_DAYS: readonly ProcessRole[] = ['detector', 'orchestrator']

const HELD = `
SELECT c.relname AS "table", r.rolname AS login, string_agg(a.privilege_type, ',') AS privileges
  FROM pg_catalog.pg_class c
 CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND r.rolname = ANY($1)
 GROUP BY 1, 2`

const IS_SET_UP = `
SELECT (SELECT count(*) FROM pg_catalog.pg_roles r WHERE r.rolname = ANY($1)) = cardinality($1)
       AND pg_catalog.pg_has_role(to_regrole($2), 'USAGE') AS "isSetUp"`

const NOT_OWNED = `
SELECT c.relname AS "table" FROM pg_catalog.pg_class c
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relowner <> to_regrole($1)
   AND (c.relname = 'anomaly_sessions' OR c.relkind = 'r' AND c.relname ~ '^anomaly_sessions_\\d{8}$')
 ORDER BY c.relkind, c.relname`

/**
 * Gives the logins of the processes what they need, and takes away what they have beyond it. Where there are no such
 * logins, or this one has no say over them, nothing is done: one login for all works too. To be called after migrations,
 * which may have made tables. Repeating it changes nothing.
 */
export async function grantToProcesses(client: ClientBase): Promise<void> {
  const logins = PROCESS_ROLES.map(loginOf)
  const { rows: found } = await client.query<{ isSetUp: boolean | null }>(IS_SET_UP, [
    [...logins, PARTITIONS_ROLE],
    PARTITIONS_ROLE,
  ])
  if (found[0]?.isSetUp !== true) return
  const { rows: held } = await client.query<{ table: string; login: string; privileges: string }>(HELD, [logins])
  const { rows: foreign } = await client.query<{ table: string }>(NOT_OWNED, [PARTITIONS_ROLE])
  const { rows: schemas } = await client.query<{ schema: string }>('SELECT quote_ident(current_schema()) AS schema')
  const schema = schemas[0]?.schema ?? 'public'
  const statements = [
    `GRANT USAGE ON SCHEMA ${schema}, drizzle TO ${logins.join(', ')}`,
    `GRANT SELECT ON drizzle.__drizzle_migrations TO ${logins.join(', ')}`,
    `GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${PARTITIONS_ROLE}`,
    ...foreign.map(({ table }) => `ALTER TABLE ${table} OWNER TO ${PARTITIONS_ROLE}`),
    ...grantChanges(new Map(held.map(({ table, login, privileges }) => [`${table} ${login}`, privileges.split(',')]))),
    // Runs with the rights of the owner of the table, wherever the caller's temporary tables would lead it.
    `ALTER FUNCTION ensure_anomaly_partition(date) SECURITY DEFINER SET search_path = ${schema}, pg_temp`,
    `ALTER FUNCTION ensure_anomaly_partition(date) OWNER TO ${PARTITIONS_ROLE}`,
    `REVOKE EXECUTE ON FUNCTION ensure_anomaly_partition(date) FROM PUBLIC`,
    `GRANT EXECUTE ON FUNCTION ensure_anomaly_partition(date) TO ${MAKES_DAYS.map(loginOf).join(', ')}`,
  ]
  await client.query(`BEGIN;\n${statements.join(';\n')};\nCOMMIT`)
}

/** @param held privileges by `table login` */
function grantChanges(held: ReadonlyMap<string, readonly string[]>): string[] {
  const changes: string[] = []
  for (const [table, byRole] of Object.entries(TABLE_GRANTS))
    for (const role of PROCESS_ROLES) {
      const letters = byRole[role] ?? ''
      const wanted = Object.entries(PRIVILEGES).flatMap(([letter, privilege]) =>
        letters.includes(letter) ? [privilege] : [],
      )
      const has = held.get(`${table} ${loginOf(role)}`) ?? []
      const missing = wanted.filter((privilege) => !has.includes(privilege))
      const surplus = has.filter((privilege) => !wanted.includes(privilege))
      if (missing.length > 0) changes.push(`GRANT ${missing.join(', ')} ON ${table} TO ${loginOf(role)}`)
      if (surplus.length > 0) changes.push(`REVOKE ${surplus.join(', ')} ON ${table} FROM ${loginOf(role)}`)
    }
  return changes
}
