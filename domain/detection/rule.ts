import { GuardianError } from '../errors.js'
import { paneWindow, type PaneWindow } from '../windowing/pane.js'

export const RULE_STATES = ['draft', 'shadow', 'active', 'retired'] as const
export type RuleState = (typeof RULE_STATES)[number]

/** A rule's anomalies are acted on (active), or only stored, to see what the rule would do (shadow). */
export type RuleMode = 'active' | 'shadow'

/** One version of a rule, as it is stored. */
export interface RuleVersion {
  readonly ruleId: string
  readonly version: number
  readonly kind: string
  readonly state: RuleState
  readonly parameters: Readonly<Record<string, unknown>>
}

/**
 * When a window is an anomaly: it has at least `minEvents` events, and at most `maxDistinct(events)` distinct items.
 * Counts only grow while a window is open, which is what lets most windows be passed over without a look.
 */
export interface WindowCondition {
  readonly windowMs: number
  readonly slideMs: number
  readonly minEvents: number
  /** Infinity when the rule does not look at items. */
  readonly maxDistinct: (events: number) => number
}

/** A kind of rule: its name, its parameters, and the condition they stand for. One file each in `rules/`. */
export interface RuleKind {
  readonly kind: string
  /** The names of its parameters; others are refused. */
  readonly parameters: readonly string[]
  /** @throws RangeError naming the parameter that is out of bounds */
  condition(read: (name: string, min: number, max: number) => number): WindowCondition
}

/** A rule version that decides now. */
export interface RuleInForce {
  readonly ruleId: string
  readonly version: number
  readonly mode: RuleMode
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly condition: WindowCondition
  readonly window: PaneWindow
}

/**
 * Checks a stored rule version against its kind.
 * @throws GuardianError GRD_BAD_RULE naming the rule and what is wrong with it
 */
export function ruleInForce(rule: RuleVersion, mode: RuleMode, kinds: ReadonlyMap<string, RuleKind>): RuleInForce {
  const named = `rule ${rule.ruleId} version ${rule.version}`
  const kind = kinds.get(rule.kind)
  if (!kind)
    throw new GuardianError(
      'GRD_BAD_RULE',
      `${named}: no rule kind ${rule.kind}; there are ${[...kinds.keys()].join(', ')}`,
    )
  const unknown = Object.keys(rule.parameters).filter((name) => !kind.parameters.includes(name))
  if (unknown.length > 0)
    throw new GuardianError(
      'GRD_BAD_RULE',
      `${named}: no parameter ${unknown.join(', ')}; there are ${kind.parameters.join(', ')}`,
    )
  try {
    const condition = kind.condition((name, min, max) => readNumber(rule.parameters, name, min, max))
    const window = paneWindow(condition.windowMs, condition.slideMs)
    const { ruleId, version, parameters } = rule
    return { ruleId, version, mode, kind: kind.kind, parameters, condition, window }
  } catch (cause) {
    throw new GuardianError('GRD_BAD_RULE', `${named}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

function readNumber(parameters: RuleVersion['parameters'], name: string, min: number, max: number): number {
  const value = parameters[name]
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw new RangeError(`${name} is a number in ${min}..${max}`)
  return value
}

/** The rule versions of a store that decide: at most one active and one shadow version of each rule, in stable order. */
export function rulesInForce(rules: readonly RuleVersion[], kinds: ReadonlyMap<string, RuleKind>): RuleInForce[] {
  return rules
    .flatMap((rule) =>
      rule.state === 'active' || rule.state === 'shadow' ? [ruleInForce(rule, rule.state, kinds)] : [],
    )
    .sort((a, b) => (a.ruleId + a.mode < b.ruleId + b.mode ? -1 : 1))
}

/**
 * Looks whether a version may take the place of the one that is in force. An anomaly is known by its rule and the start of its
 * window: with longer windows, one that the version before has closed would come again and overwrite its row.
 * @throws GuardianError GRD_BAD_RULE when its windows are longer
 */
export function refuseLongerWindows(
  before: RuleVersion,
  after: RuleVersion,
  kinds: ReadonlyMap<string, RuleKind>,
): void {
  const sizeOf = (rule: RuleVersion) => ruleInForce(rule, 'active', kinds).condition.windowMs
  if (sizeOf(after) <= sizeOf(before)) return
  throw new GuardianError(
    'GRD_BAD_RULE',
    `rule ${after.ruleId} version ${after.version}: its windows are longer than those of version ${before.version}, and ` +
      `would overwrite anomalies that it has closed: retire version ${before.version} first and let its last windows pass, ` +
      'or give the rule an id of its own',
  )
}
