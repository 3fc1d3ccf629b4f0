import type { ChangeBy } from '../../domain/access/change-by.js'
import type { Verdict } from '../../domain/review/verdict.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { auditRow } from './audit.js'

/** The anomaly that a verdict is on. */
export interface JudgedAnomaly {
  readonly windowStart: Date
  readonly sessionId: string
  readonly ruleId: string
  readonly mode: 'active' | 'shadow'
}

export interface VerdictRow {
  /** 1, 2, 3... of one anomaly. */
  readonly version: number
  readonly verdict: Verdict
  readonly comment: string
  /** The id of the key. */
  readonly author: string
  readonly authorName: string
  readonly decidedTs: Date
}

/** What was said of an anomaly that there is: newest first, the current one at the head. */
export interface JudgedRow {
  readonly windowEnd: Date
  readonly verdicts: readonly VerdictRow[]
}

/** So many of the newest verdicts on an anomaly are read. */
const VERDICTS_READ_MAX = 100

const COLUMNS = `v.version, v.verdict, v.comment, v.author, v.author_name AS "authorName", v.decided_ts AS "decidedTs"`
const SAME = `v.window_start = $1 AND v.session_id = $2 AND v.rule_id = $3 AND v.mode = $4`
const keyOf = ({ windowStart, sessionId, ruleId, mode }: JudgedAnomaly) => [windowStart, sessionId, ruleId, mode]

/** @returns undefined when there is no such anomaly @throws GRD_STORE_* */
export async function readVerdicts(db: Queryable, of: JudgedAnomaly): Promise<JudgedRow | undefined> {
  const { rows } = await db.query<{ windowEnd: Date }>(
    `SELECT v.window_end AS "windowEnd" FROM anomaly_sessions v WHERE ${SAME}`,
    keyOf(of),
  )
  const [anomaly] = rows
  if (!anomaly) return undefined
  const verdicts = await db.query<VerdictRow>(
    `SELECT ${COLUMNS} FROM anomaly_verdicts v WHERE ${SAME} ORDER BY v.version DESC LIMIT ${VERDICTS_READ_MAX}`,
    keyOf(of),
  )
  return { windowEnd: anomaly.windowEnd, verdicts: verdicts.rows }
}

/**
 * Gives an anomaly a verdict, with its audit record. Earlier ones are kept.
 * @param check looks at what there is, in the transaction; it throws to refuse
 * @returns what there is afterwards; undefined when there is no such anomaly
 * @throws GRD_STORE_*; what `check` throws
 */
export const giveVerdict = (
  db: Database,
  of: JudgedAnomaly,
  given: Pick<VerdictRow, 'verdict' | 'comment'>,
  check: (current: JudgedRow) => void,
  by: ChangeBy,
): Promise<JudgedRow | undefined> =>
  withTransaction(db, async (tx) => {
    await lockVerdicts(tx, of)
    const found = await readVerdicts(tx, of)
    if (found === undefined) return undefined
    check(found)
    const [before] = found.verdicts
    await tx.query(`UPDATE anomaly_verdicts AS v SET is_current = false WHERE ${SAME} AND v.is_current`, keyOf(of))
    const { rows } = await tx.query<VerdictRow>(
      `INSERT INTO anomaly_verdicts AS v
              (window_start, session_id, rule_id, mode, version, verdict, comment, author, author_name)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
      [...keyOf(of), (before?.version ?? 0) + 1, given.verdict, given.comment, by.actor, by.actorName],
    )
    const target = () => `anomaly/${of.ruleId}/${of.mode}/${of.windowStart.toISOString()}/${of.sessionId}`
    const after = await auditRow(tx, by, { target, shown }, 'anomaly.verdict', before ?? null, rows[0])
    return { ...found, verdicts: [after, ...found.verdicts].slice(0, VERDICTS_READ_MAX) }
  })

/** One at a time for an anomaly, without a lock on its row: the detector must not wait for people. */
const lockVerdicts = (tx: Transaction, { windowStart, sessionId, ruleId, mode }: JudgedAnomaly) =>
  tx.query(`SELECT pg_advisory_xact_lock(hashtext('verdicts'), hashtext($1))`, [
    [windowStart.toISOString(), sessionId, ruleId, mode].join(' '),
  ])

const shown = ({ version, verdict, comment }: VerdictRow) => ({ version, verdict, comment })
