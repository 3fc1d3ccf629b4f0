import { RULE_STATES, type RuleState, type RuleVersion } from '../../domain/detection/rule.js'
import { GuardianError } from '../../domain/errors.js'
import type { Queryable } from '../pool.js'

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
