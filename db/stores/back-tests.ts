import type { ChangeBy } from '../../domain/access/change-by.js'
import type { BackTestResult } from '../../domain/detection/back-test-result.js'
import { GuardianError } from '../../domain/errors.js'
import type { Database, Queryable } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { appendAudit } from './audit.js'

/** A version of a rule, or a definition that is none yet: version 0. */
export interface TestedRule {
  readonly version: number
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface BackTestRow {
  readonly backTestId: string
  readonly ruleId: string
  readonly candidate: TestedRule
  readonly inForce: TestedRule | null
  readonly fromDay: string
  readonly toDay: string
  readonly state: 'queued' | 'running' | 'completed' | 'failed'
  readonly createdBy: string
  readonly createdTs: Date
  readonly endedTs: Date | null
  readonly reason: string | null
  readonly result: BackTestResult | null
  /** Of the clicks that are to be read, once that is known. */
  readonly records: number
  readonly recordsRead: number
}

export type NewBackTest = Pick<BackTestRow, 'backTestId' | 'ruleId' | 'candidate' | 'fromDay' | 'toDay'>

export interface BackTestLimits {
  /** Tests that wait or run at once. */
  readonly open: number
  /** Tests that are kept, with their results. */
  readonly kept: number
}

const ROW = `b.back_test_id AS "backTestId", b.rule_id AS "ruleId", b.candidate, b.in_force AS "inForce", b.from_day::text AS "fromDay",
       b.to_day::text AS "toDay", b.state, b.created_by AS "createdBy", b.created_ts AS "createdTs", b.ended_ts AS "endedTs", b.reason,
       (SELECT coalesce(sum(p.records), 0)::bigint FROM back_test_parts p WHERE p.back_test_id = b.back_test_id) AS records,
       (SELECT coalesce(sum(p.records_read), 0)::bigint FROM back_test_parts p WHERE p.back_test_id = b.back_test_id) AS "recordsRead"`

/** Of rows `b`. A workflow of one ends after six hours at most: a row that is open for longer was left behind. */
export const OPEN = `b.state IN ('queued', 'running') AND b.created_ts > now() - interval '6 hours'`

const LOCK = `SELECT pg_advisory_xact_lock(hashtext('back tests'))`

const INSERT = `
INSERT INTO back_tests (back_test_id, rule_id, candidate, in_force, from_day, to_day, created_by)
VALUES ($1, $2, $3, (SELECT jsonb_build_object('version', r.version, 'kind', r.kind, 'parameters', r.parameters)
                       FROM rules r WHERE r.rule_id = $2 AND r.state = 'active'), $4, $5, $6)`

const FORGET = `
DELETE FROM back_tests d WHERE d.back_test_id IN
  (SELECT b.back_test_id FROM back_tests b WHERE NOT (${OPEN}) ORDER BY b.created_ts DESC, b.back_test_id DESC OFFSET $1)`

/**
 * Stores what is to be tested, beside the version of the rule that is in force now, with its audit record. The oldest
 * results beyond the limit are forgotten.
 * @throws GRD_BAD_INPUT when too many are open; GRD_STORE_*
 */
export const createBackTest = (
  db: Database,
  test: NewBackTest,
  limits: BackTestLimits,
  by: ChangeBy,
): Promise<BackTestRow> =>
  withTransaction(db, async (tx) => {
    await tx.query(LOCK)
    const { rows } = await tx.query<{ open: number }>(`SELECT count(*) AS open FROM back_tests b WHERE ${OPEN}`)
    if ((rows[0]?.open ?? 0) >= limits.open)
      throw new GuardianError('GRD_BAD_INPUT', `${limits.open} back-tests are open: wait until one has ended`)
    const { backTestId, ruleId, candidate, fromDay, toDay } = test
    await tx.query(INSERT, [backTestId, ruleId, JSON.stringify(candidate), fromDay, toDay, by.actor])
    await tx.query(FORGET, [limits.kept])
    const target = `back-test/${backTestId}`
    await appendAudit(tx, {
      ...by,
      action: 'back-test.start',
      target,
      outcome: 'done',
      before: null,
      after: { ...test },
    })
    const row = await getBackTest(tx, backTestId)
    if (row === undefined) throw new Error('INSERT has stored nothing')
    return row
  })

/** @returns undefined when there is none @throws GRD_STORE_* */
export async function getBackTest(db: Queryable, backTestId: string): Promise<BackTestRow | undefined> {
  const text = `SELECT ${ROW}, b.result FROM back_tests b WHERE b.back_test_id = $1`
  return (await db.query<BackTestRow>(text, [backTestId])).rows[0]
}

/** Newest first, without results; one more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listBackTests(
  db: Queryable,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<BackTestRow[]> {
  const { rows } = await db.query<BackTestRow>(
    `SELECT ${ROW}, NULL::jsonb AS result FROM back_tests b
      WHERE $2::text IS NULL OR (b.created_ts, b.back_test_id) <
            (SELECT l.created_ts, l.back_test_id FROM back_tests l WHERE l.back_test_id = $2)
      ORDER BY b.created_ts DESC, b.back_test_id DESC LIMIT $1`,
    [limit + 1, after ?? null],
  )
  return rows
}

/** Why one has failed whose start got no answer: it may have begun all the same, and is running once its workflow says so. */
export const START_UNCONFIRMED = 'Temporal did not confirm the start'

/** Begins one, with the partitions that it has to read. Repeating it changes nothing. @throws GRD_STORE_* */
export const beginBackTest = (
  db: Database,
  backTestId: string,
  parts: readonly { readonly kafkaPartition: number; readonly records: number }[],
): Promise<void> =>
  withTransaction(db, async (tx) => {
    await tx.query(
      `UPDATE back_tests b SET state = 'running', ended_ts = NULL, reason = NULL
        WHERE b.back_test_id = $1 AND (b.state = 'queued' OR b.state = 'failed' AND b.reason = $2)`,
      [backTestId, START_UNCONFIRMED],
    )
    await tx.query(
      `INSERT INTO back_test_parts (back_test_id, kafka_partition, records)
       SELECT $1, p."kafkaPartition", p.records FROM jsonb_to_recordset($2::jsonb) AS p ("kafkaPartition" integer, records bigint)
       ON CONFLICT (back_test_id, kafka_partition) DO NOTHING`,
      [backTestId, JSON.stringify(parts)],
    )
  })

/** Says how far a partition is, or what came of it. @throws GRD_STORE_* */
export async function updateBackTestPart(
  db: Queryable,
  backTestId: string,
  kafkaPartition: number,
  { recordsRead, result }: { readonly recordsRead: number; readonly result?: BackTestResult },
): Promise<void> {
  await db.query(
    `UPDATE back_test_parts p SET records_read = $3, result = coalesce($4::jsonb, p.result)
      WHERE p.back_test_id = $1 AND p.kafka_partition = $2`,
    [backTestId, kafkaPartition, recordsRead, result === undefined ? null : JSON.stringify(result)],
  )
}

/** What came of the partitions so far. @throws GRD_STORE_* */
export async function readBackTestParts(db: Queryable, backTestId: string): Promise<BackTestResult[]> {
  const { rows } = await db.query<{ result: BackTestResult }>(
    `SELECT p.result FROM back_test_parts p WHERE p.back_test_id = $1 AND p.result IS NOT NULL
      ORDER BY p.kafka_partition LIMIT 10000`,
    [backTestId],
  )
  return rows.map(({ result }) => result)
}

/** Ends one, with its result or the reason why it has none. Ending it again changes nothing. @throws GRD_STORE_* */
export async function endBackTest(
  db: Queryable,
  backTestId: string,
  end: { readonly result: BackTestResult } | { readonly reason: string },
): Promise<void> {
  const result = 'result' in end ? JSON.stringify(end.result) : null
  const reason = 'reason' in end ? end.reason.slice(0, 500) : null
  await db.query(
    `UPDATE back_tests b SET state = CASE WHEN $2::jsonb IS NULL THEN 'failed' ELSE 'completed' END, result = $2, reason = $3,
            ended_ts = now()
      WHERE b.back_test_id = $1 AND b.state IN ('queued', 'running')`,
    [backTestId, result, reason],
  )
}
