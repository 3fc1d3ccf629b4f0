import type { ChangeBy } from '../../domain/access/change-by.js'
import { topicOf } from '../../domain/archive/archive-file.js'
import {
  MAX_SUM,
  QUARANTINE_DECISIONS,
  quarantineIdOf,
  type QuarantineDecision,
  type QuarantineKey,
  type UnfitRecord,
} from '../../domain/kpi/quarantine.js'
import type { DayBounds } from '../../domain/shop-day.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Database, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { COLUMNS, keyValues, SAME, type QuarantinedRow } from '../read-models/quarantine.js'
import { auditRow } from './audit.js'

const STORE = `
INSERT INTO kpi_quarantine AS q (dataset, kafka_partition, kafka_offset, event_ts, topic, day, event_id, session_id, source, reason, field, fields, amount)
SELECT r.dataset, r.partition, r."offset", to_timestamp(r."eventMs" / 1000.0), r.topic, $1, r."eventId", r."sessionId", r.source,
       r.reason, r.field, r.fields, r.amount
  FROM jsonb_to_recordset($2::jsonb) AS r (dataset text, partition integer, "offset" bigint, "eventMs" bigint, topic text,
         "eventId" text, "sessionId" text, source text, reason text, field text, fields jsonb, amount numeric)
 ORDER BY 1, 2, 3, 4
ON CONFLICT (dataset, kafka_partition, kafka_offset, event_ts) DO UPDATE
   SET day = excluded.day, reason = excluded.reason, field = excluded.field, state = 'quarantined',
       decided_ts = NULL, decided_by = NULL, decided_by_name = NULL, comment = NULL
 WHERE q.state = 'released'`

/** Records that were found in another time zone are of this day now. */
const MOVE = 'UPDATE kpi_quarantine AS q SET day = $1 WHERE q.event_ts >= $2 AND q.event_ts < $3 AND q.day <> $1'

/** Records given to PostgreSQL with one statement. */
const RECORDS_PER_INSERT = 1_000

/**
 * Stores records that a run left out. One that a decision had released and that does not fit waits for a decision again; one
 * that waits or was dropped stays as it is. Repeating it changes nothing.
 * @throws GRD_STORE_*
 */
export const storeQuarantined = (
  db: Database,
  day: UtcDay,
  { fromMs, toMs }: DayBounds,
  records: readonly UnfitRecord[],
): Promise<void> =>
  withTransaction(db, async (tx) => {
    await tx.query(MOVE, [day, new Date(fromMs), new Date(toMs)])
    for (let from = 0; from < records.length; from += RECORDS_PER_INSERT) {
      const some = records.slice(from, from + RECORDS_PER_INSERT)
      await tx.query(STORE, [day, JSON.stringify(some.map((one) => ({ ...one, topic: topicOf(one.dataset) })))])
    }
  })

/** What became of a decision. */
export type DecisionOutcome =
  | { readonly kind: 'decided'; readonly row: QuarantinedRow }
  /** The record cannot count. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'not_found' }

/**
 * Decides on a record, with its audit record. A decision can be changed; the same one again changes nothing. A release makes
 * the day stale: its next run counts the record. It is refused when the sums of the day do not hold the record.
 * @throws GRD_STORE_*
 */
export const decideRecord = (
  db: Database,
  key: QuarantineKey,
  decision: QuarantineDecision,
  comment: string | null,
  by: ChangeBy,
): Promise<DecisionOutcome> =>
  withTransaction(db, async (tx) => {
    const found = await tx.query<QuarantinedRow>(
      `SELECT ${COLUMNS} FROM kpi_quarantine q WHERE ${SAME} FOR UPDATE`,
      keyValues(key),
    )
    const [before] = found.rows
    if (before === undefined) return { kind: 'not_found' }
    const state = QUARANTINE_DECISIONS[decision]
    if (before.state === state) return { kind: 'decided', row: before }
    const reason = decision === 'release' ? await whyNotReleased(tx, before) : undefined
    if (reason !== undefined) return { kind: 'refused', reason }
    const { rows } = await tx.query<QuarantinedRow>(
      `UPDATE kpi_quarantine AS q SET state = $5, decided_ts = now(), decided_by = $6, decided_by_name = $7, comment = $8
        WHERE ${SAME} RETURNING ${COLUMNS}`,
      [...keyValues(key), state, by.actor, by.actorName, comment],
    )
    const audited = { target: () => `quarantine/${quarantineIdOf(key)}`, shown }
    return { kind: 'decided', row: await auditRow(tx, by, audited, `quarantine.${decision}`, before, rows[0]) }
  })

const shown = ({ state, reason, field, comment, day }: QuarantinedRow) => ({ state, reason, field, comment, day })

/**
 * How much room the sums of the day have left for the record: the limit, less what the published figures count and what was
 * released since. Decisions on one day come one after the other, so that two do not take the same room.
 */
const ROOM = `
WITH released AS (
  SELECT coalesce(sum(r.amount) FILTER (WHERE r.fields->>'currency' = $2), 0) AS amount,
         coalesce(sum(abs((r.fields->>'quantity')::numeric)), 0) AS units
    FROM kpi_quarantine r LEFT JOIN kpi_days k ON k.day = r.day
   WHERE r.day = $1 AND r.dataset = 'purchases' AND r.state = 'released'
     AND (k.published_ts IS NULL OR r.decided_ts > k.published_ts)
)
SELECT $3::numeric - r.amount - coalesce((k.counted_sums->'amounts'->>$2)::numeric, 0) >= $4::numeric AS "amountFits",
       $3::numeric - r.units - coalesce((k.counted_sums->>'units')::numeric, 0) >= $5::numeric AS "unitsFit",
       EXISTS (SELECT FROM dropped_days x WHERE x.day = $1) AS "isDropped"
  FROM released r LEFT JOIN kpi_days k ON k.day = $1`

async function whyNotReleased(tx: Transaction, row: QuarantinedRow): Promise<string | undefined> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtext('quarantine'), hashtext($1))`, [row.day])
  const units = row.fields['quantity'] ?? '0'
  const { rows } = await tx.query<{ amountFits: boolean; unitsFit: boolean; isDropped: boolean }>(ROOM, [
    row.day,
    row.fields['currency'] ?? null,
    MAX_SUM,
    row.amount ?? '0',
    units.replace('-', ''),
  ])
  const [room] = rows
  if (room?.isDropped === true)
    return `the anomalies of ${row.day} have been dropped: its figures stay as they are, and no run can count the record`
  if (room?.amountFits === false)
    return (
      `its amount of ${row.amount} minor units does not fit: with it, the sum of the amounts in ${row.fields['currency']} ` +
      `on ${row.day} would exceed ${MAX_SUM}, which is the largest one that can be stored exactly. Drop it`
    )
  if (room?.unitsFit === false)
    return `its quantity of ${units} does not fit: with it, the units sold on ${row.day} would exceed ${MAX_SUM}. Drop it`
  return undefined
}
