import type { ChangeBy } from '../../domain/access/change-by.js'
import { refuseLongerWindows, type RuleState } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { auditRow, type AuditedRow } from './audit.js'
import { lockRule } from './rules.js'

/** A version of a rule with its times. */
export interface RuleVersionRow {
  readonly ruleId: string
  readonly version: number
  readonly kind: string
  readonly state: RuleState
  readonly parameters: Readonly<Record<string, unknown>>
  readonly createdTs: Date
  readonly stateTs: Date
}

/** Looks at a version before it is changed, in the transaction of the change. @throws to refuse */
export type Check = (current: RuleVersionRow) => void

const COLUMNS = `r.rule_id AS "ruleId", r.version, r.kind, r.state, r.parameters, r.created_ts AS "createdTs",
       r.state_ts AS "stateTs"`

/** How many versions of all rules are read at once. */
const RULE_VERSIONS_MAX = 10_000

/** Every version of every rule, or of one, newest first within a rule. @throws GRD_STORE_* */
export async function readRuleVersions(db: Queryable, ruleId?: string): Promise<RuleVersionRow[]> {
  const { rows } = await db.query<RuleVersionRow>(
    `SELECT ${COLUMNS} FROM rules r WHERE $1::text IS NULL OR r.rule_id = $1
      ORDER BY r.rule_id, r.version DESC LIMIT ${RULE_VERSIONS_MAX}`,
    [ruleId ?? null],
  )
  return rows
}

/** @returns undefined when there is no such version @throws GRD_STORE_* */
export const getRuleVersion = (db: Queryable, ruleId: string, version: number) => read(db, ruleId, version)

/** Stores the next version of a rule as a draft. The caller has checked the parameters. @throws GRD_STORE_* */
export const createDraft = (
  db: Database,
  draft: Pick<RuleVersionRow, 'ruleId' | 'kind' | 'parameters'>,
  by: ChangeBy,
): Promise<RuleVersionRow> =>
  withTransaction(db, async (tx) => {
    await lockRule(tx, draft.ruleId)
    const { rows } = await tx.query<RuleVersionRow>(
      `INSERT INTO rules AS r (rule_id, version, kind, state, parameters)
       SELECT $1, coalesce(max(o.version), 0) + 1, $2, 'draft', $3 FROM rules o WHERE o.rule_id = $1
       RETURNING ${COLUMNS}`,
      [draft.ruleId, draft.kind, JSON.stringify(draft.parameters)],
    )
    return auditRow(tx, by, VERSION, 'rule.draft', null, rows[0])
  })

/** Gives a draft other parameters. @param check may refuse @returns undefined when there is no such version */
export const editDraft = (
  db: Database,
  of: Pick<RuleVersionRow, 'ruleId' | 'version' | 'parameters'>,
  check: Check,
  by: ChangeBy,
): Promise<RuleVersionRow | undefined> =>
  withTransaction(db, async (tx) => {
    await lockRule(tx, of.ruleId)
    const before = await read(tx, of.ruleId, of.version)
    if (before === undefined) return undefined
    check(before)
    const { rows } = await tx.query<RuleVersionRow>(
      `UPDATE rules AS r SET parameters = $3, state_ts = now() WHERE r.rule_id = $1 AND r.version = $2
       RETURNING ${COLUMNS}`,
      [of.ruleId, of.version, JSON.stringify(of.parameters)],
    )
    return auditRow(tx, by, VERSION, 'rule.edit', before, rows[0])
  })

const ACTIONS = { shadow: 'rule.shadow', active: 'rule.activate', retired: 'rule.retire' } as const

/**
 * Moves a version to another state; one that is active or in shadow takes the place of the version that was. Running
 * detectors take it at their next checkpoint.
 * @param check may refuse
 * @returns undefined when there is no such version
 * @throws GRD_BAD_RULE when its windows are longer than those of the version whose place it takes; GRD_STORE_*
 */
export const setRuleState = (
  db: Database,
  of: Pick<RuleVersionRow, 'ruleId' | 'version'> & { readonly state: keyof typeof ACTIONS },
  check: Check,
  by: ChangeBy,
): Promise<RuleVersionRow | undefined> =>
  withTransaction(db, async (tx) => {
    await lockRule(tx, of.ruleId)
    const before = await read(tx, of.ruleId, of.version)
    if (before === undefined) return undefined
    check(before)
    if (of.state !== 'retired') await retireOther(tx, before, of.state, by)
    const after = await moveTo(tx, of.ruleId, of.version, of.state)
    return auditRow(tx, by, VERSION, ACTIONS[of.state], before, after)
  })

async function retireOther(tx: Transaction, next: RuleVersionRow, state: RuleState, by: ChangeBy): Promise<void> {
  const { ruleId } = next
  const { rows } = await tx.query<RuleVersionRow>(
    `SELECT ${COLUMNS} FROM rules r WHERE r.rule_id = $1 AND r.state = $2`,
    [ruleId, state],
  )
  for (const before of rows) {
    refuseLongerWindows(before, next, RULE_KINDS)
    const after = await moveTo(tx, ruleId, before.version, 'retired')
    await auditRow(tx, by, VERSION, 'rule.retire', before, after)
  }
}

async function moveTo(tx: Transaction, ruleId: string, version: number, state: RuleState) {
  const { rows } = await tx.query<RuleVersionRow>(
    `UPDATE rules AS r SET state = $3, state_ts = now() WHERE r.rule_id = $1 AND r.version = $2 RETURNING ${COLUMNS}`,
    [ruleId, version, state],
  )
  return rows[0]
}

async function read(db: Queryable, ruleId: string, version: number): Promise<RuleVersionRow | undefined> {
  const text = `SELECT ${COLUMNS} FROM rules r WHERE r.rule_id = $1 AND r.version = $2`
  return (await db.query<RuleVersionRow>(text, [ruleId, version])).rows[0]
}

const VERSION: AuditedRow<RuleVersionRow> = {
  target: ({ ruleId, version }) => `rule/${ruleId}/${version}`,
  shown: ({ version, kind, state, parameters }) => ({ version, kind, state, parameters }),
}
