import { refuseLongerWindows, RULE_STATES, type RuleState, type RuleVersion } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { GuardianError } from '../../domain/errors.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'
import { appendAudit } from './audit.js'

interface RuleRow {
  readonly ruleId: string
  readonly version: number
  readonly kind: string
  readonly state: string
  readonly parameters: Record<string, unknown>
}

/** The rule versions that decide now, or only look on: active and shadow. @throws GRD_STORE_* */
export async function listDecidingRules(db: Queryable): Promise<RuleVersion[]> {
  const { rows } = await db.query<RuleRow>(
    `SELECT r.rule_id AS "ruleId", r.version, r.kind, r.state, r.parameters
       FROM rules r WHERE r.state IN ('active', 'shadow') ORDER BY r.rule_id, r.version LIMIT 1000`,
  )
  return rows.map((row) => ({ ...row, state: ruleState(row) }))
}

function ruleState({ ruleId, version, state }: RuleRow): RuleState {
  const known = RULE_STATES.find((name) => name === state)
  if (!known) throw new GuardianError('GRD_BAD_RULE', `rule ${ruleId} version ${version} has no known state`)
  return known
}

/** Every version of every rule, newest first within a rule. @throws GRD_STORE_* */
export async function listRuleVersions(db: Queryable): Promise<RuleVersion[]> {
  const { rows } = await db.query<RuleRow>(
    `SELECT r.rule_id AS "ruleId", r.version, r.kind, r.state, r.parameters
       FROM rules r ORDER BY r.rule_id, r.version DESC LIMIT 10000`,
  )
  return rows.map((row) => ({ ...row, state: ruleState(row) }))
}

export interface NewRuleVersion {
  readonly ruleId: string
  readonly kind: string
  readonly state: 'active' | 'shadow'
  readonly parameters: Readonly<Record<string, unknown>>
}

/**
 * Stores the next version of a rule and lets it decide, in place of the version that had its state before. Running
 * detectors take it at their next checkpoint. The caller has checked the parameters.
 * @returns the number of the version
 * @throws GRD_BAD_RULE when its windows are longer than those of the version whose place it takes; GRD_STORE_*
 */
export async function putRuleVersion(db: Database, rule: NewRuleVersion, by: ChangeBy): Promise<number> {
  return withTransaction(db, async (tx) => {
    await lockRule(tx, rule.ruleId)
    const before = await retire(tx, rule.ruleId, rule.state)
    const { rows } = await tx.query<{ version: number }>(
      `INSERT INTO rules (rule_id, version, kind, state, parameters)
       SELECT $1, coalesce(max(r.version), 0) + 1, $2, $3, $4 FROM rules r WHERE r.rule_id = $1
       RETURNING version`,
      [rule.ruleId, rule.kind, rule.state, JSON.stringify(rule.parameters)],
    )
    const version = rows[0]?.version ?? 0
    if (before !== undefined)
      refuseLongerWindows({ ...before, state: rule.state, ruleId: rule.ruleId }, { ...rule, version }, RULE_KINDS)
    await appendAudit(tx, {
      ...by,
      action: `rule.${rule.state === 'active' ? 'activate' : 'shadow'}`,
      target: `rule/${rule.ruleId}/${version}`,
      outcome: 'done',
      before: before ?? null,
      after: { version, kind: rule.kind, state: rule.state, parameters: rule.parameters },
    })
    return version
  })
}

/** Takes a rule's active or shadow version out of force. @returns whether there was one */
export async function retireRule(
  db: Database,
  ruleId: string,
  state: 'active' | 'shadow',
  by: ChangeBy,
): Promise<boolean> {
  return withTransaction(db, async (tx) => {
    await lockRule(tx, ruleId)
    const before = await retire(tx, ruleId, state)
    if (before === undefined) return false
    const target = `rule/${ruleId}/${before.version}`
    await appendAudit(tx, {
      ...by,
      action: 'rule.retire',
      target,
      outcome: 'done',
      before,
      after: { ...before, state: 'retired' },
    })
    return true
  })
}

/** Two people at once change a rule one after the other. */
export const lockRule = async (tx: Transaction, ruleId: string): Promise<void> => {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtext('rules'), hashtext($1))`, [ruleId])
}

interface RetiredVersion {
  readonly version: number
  readonly kind: string
  readonly state: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** @returns the version as it was before, if there was one */
const retire = async (tx: Transaction, ruleId: string, state: string): Promise<RetiredVersion | undefined> => {
  const { rows } = await tx.query<RetiredVersion>(
    `UPDATE rules r SET state = 'retired', state_ts = now() WHERE r.rule_id = $1 AND r.state = $2
     RETURNING r.version, r.kind, $2::text AS state, r.parameters`,
    [ruleId, state],
  )
  return rows[0]
}
