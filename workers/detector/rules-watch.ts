import { rulesInForce, type RuleInForce } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { awaitStore } from '../../db/await-store.js'
import type { Database } from '../../db/pool.js'
import { listDecidingRules } from '../../db/stores/rules.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'

/** Tells two sets of rules apart. */
export const signatureOf = (rules: readonly RuleInForce[]): string => JSON.stringify(rules.map(plainRule))

/** A rule as it is stored with a checkpoint. */
export const plainRule = ({ ruleId, version, mode, kind, parameters }: RuleInForce) => ({
  ruleId,
  version,
  mode,
  kind,
  parameters,
})

export interface RulesWatch {
  /** The rules that the store had at the last look. */
  readonly current: readonly RuleInForce[]
  /** Looks now: for a partition that begins. @throws GuardianError GRD_BAD_RULE; GRD_STORE_* */
  refresh(): Promise<void>
}

/**
 * Looks at the stored rules again and again. Rules that cannot be used are reported, and the ones before stay.
 * @param patienceMs how long the very first look waits for a database that is away
 * @throws GuardianError GRD_BAD_RULE when the very first look finds rules that cannot be used; GRD_STORE_*
 */
export async function watchRules(
  db: Database,
  { everyMs, patienceMs }: { readonly everyMs: number; readonly patienceMs: number },
  log: Logger,
): Promise<Part<RulesWatch>> {
  const read = async (): Promise<readonly RuleInForce[]> => rulesInForce(await listDecidingRules(db), RULE_KINDS)
  let current = await awaitStore(read, patienceMs, log)
  const refresh = async (): Promise<void> => {
    const rules = await read()
    if (signatureOf(rules) !== signatureOf(current)) log.info({ rules: rules.map(plainRule) }, 'rules_changed')
    current = rules
  }
  const timer = setInterval(() => {
    refresh().catch((err: unknown) => log.warn({ err }, 'rules_not_read'))
  }, everyMs)
  const stop = (): Promise<void> => {
    clearInterval(timer)
    return Promise.resolve()
  }
  const value: RulesWatch = {
    refresh,
    get current() {
      return current
    },
  }
  return { value, stop }
}
