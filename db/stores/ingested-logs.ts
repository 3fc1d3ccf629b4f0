import type { Queryable } from '../pool.js'

/** An access log as it was last ingested. */
export interface IngestedLog {
  readonly topic: string
  readonly server: string
  /** SHA-256 of its first line, hex. */
  readonly headHash: string
  readonly host: string
  readonly path: string
  /** Time of the newest of its lines that was sent. */
  readonly readTo: Date
}

/** The logs with one of these first lines, at most 1,000. @throws GRD_STORE_* */
export async function findIngestedLogs(
  db: Queryable,
  topic: string,
  headHashes: readonly string[],
): Promise<IngestedLog[]> {
  const { rows } = await db.query<IngestedLog>(
    `SELECT l.topic, l.server, l.head_hash AS "headHash", l.host, l.path, l.read_to_ts AS "readTo"
       FROM ingested_logs l WHERE l.topic = $1 AND l.head_hash = ANY($2)
      ORDER BY l.last_read_ts DESC LIMIT 1000`,
    [topic, headHashes],
  )
  return rows
}

/** Records that a log was read, to where it was read at least. Repeating it changes nothing. @throws GRD_STORE_* */
export async function recordIngestedLog(db: Queryable, log: IngestedLog): Promise<void> {
  await db.query(
    `INSERT INTO ingested_logs AS stored (topic, server, head_hash, host, path, read_to_ts) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (topic, server, head_hash) DO UPDATE SET host = excluded.host, path = excluded.path,
       read_to_ts = greatest(stored.read_to_ts, excluded.read_to_ts), last_read_ts = now()`,
    [log.topic, log.server, log.headHash, log.host, log.path, log.readTo],
  )
}
