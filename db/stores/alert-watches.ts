import type { AlertSource } from '../../domain/alerting/observation.js'
import { GuardianError } from '../../domain/errors.js'
import type { Queryable } from '../pool.js'

/** What a source was watched for: [from, to). */
export interface WatchedSpan {
  readonly source: AlertSource
  /** Where the watch must still be; null when there must be none yet. */
  readonly from: Date | null
  readonly to: Date
}

const READ = 'SELECT w.watched_until AS until FROM alert_watches w WHERE w.source = $1'

const BEGIN = `
INSERT INTO alert_watches (source, watched_until) VALUES ($1, $2) ON CONFLICT (source) DO NOTHING`

const MOVE = `
UPDATE alert_watches AS w SET watched_until = $2 WHERE w.source = $1 AND date_trunc('milliseconds', w.watched_until) = $3`

/** Up to when a source has been watched; undefined when it never was. @throws GRD_STORE_* */
export async function readWatch(db: Queryable, source: AlertSource): Promise<Date | undefined> {
  return (await db.query<{ until: Date }>(READ, [source])).rows[0]?.until
}

/**
 * Moves the watches on, each from where it was: nothing is told of twice, and nothing is passed over.
 * @throws GRD_FENCED when another look has moved one meanwhile: what this one has read is told already
 */
export async function moveWatches(tx: Queryable, spans: readonly WatchedSpan[]): Promise<void> {
  for (const { source, from, to } of spans) {
    const moved = from === null ? await tx.query(BEGIN, [source, to]) : await tx.query(MOVE, [source, to, from])
    if (moved.rowCount !== 1) throw new GuardianError('GRD_FENCED', `${source} was watched by another look meanwhile`)
  }
}
