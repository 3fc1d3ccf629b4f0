import { ruleInForce, type RuleVersion } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { errorLine, UsageError } from '../cli-error.js'

/** The rules that a new installation has in force; `test/unit/cli/scan` compares them with the migrations. */
export const DEFAULT_RULES: readonly RuleVersion[] = [
  {
    ruleId: 'BOT_LIKE',
    version: 1,
    kind: 'BOT_LIKE',
    state: 'active',
    parameters: { windowMs: 60_000, slideMs: 10_000, minEvents: 120, maxDistinctItems: 3 },
  },
  {
    ruleId: 'HIGH_FREQUENCY',
    version: 1,
    kind: 'HIGH_FREQUENCY',
    state: 'active',
    parameters: { windowMs: 10_000, slideMs: 10_000, minEvents: 50 },
  },
]

const FORM = /^([A-Z][A-Z0-9_]*)\.([A-Za-z]+)=(\d+(?:\.\d+)?)$/

/**
 * The default rules with the changes of a person, as `HIGH_FREQUENCY.minEvents=20`.
 * @throws UsageError naming the change that cannot be made
 */
export function scanRules(changes: readonly string[]): RuleVersion[] {
  const rules = new Map(DEFAULT_RULES.map((rule) => [rule.ruleId, rule]))
  for (const change of changes) {
    const [, ruleId = '', parameter = '', value = ''] = FORM.exec(change) ?? []
    const rule = rules.get(ruleId)
    if (rule === undefined)
      throw new UsageError(`--rule ${change}: RULE.parameter=number, with a rule of ${[...rules.keys()].join(', ')}`)
    rules.set(ruleId, { ...rule, parameters: { ...rule.parameters, [parameter]: Number(value) } })
  }
  for (const rule of rules.values())
    try {
      ruleInForce(rule, 'active', RULE_KINDS)
    } catch (error) {
      throw new UsageError(`--rule: ${errorLine(error)}`)
    }
  return [...rules.values()]
}
