import { Command, Option } from 'commander'
import { ruleInForce, type RuleVersion } from '../domain/detection/rule.js'
import { RULE_KINDS } from '../domain/detection/rule-kinds.js'
import type { Database } from '../db/pool.js'
import { listRuleVersions, putRuleVersion, retireRule } from '../db/stores/rules.js'
import { changeByShell } from './change-by-shell.js'
import { UsageError } from './cli-error.js'
import { runCommand, type CommandResult } from './terminal.js'
import { withDatabase } from './with-database.js'

interface Words {
  readonly json?: boolean
  readonly state?: 'active' | 'shadow'
  readonly kind?: string
}

const TAKES_EFFECT = 'Running detectors take it at their next checkpoint, some seconds from now.'

const stateOption = () =>
  new Option('--state <state>', 'active: acted on; shadow: only stored').choices(['active', 'shadow']).default('active')

/** `guardian rules`: the rules that decide, and how to change one. A running detector takes a change within seconds. */
export const rulesCommand = (): Command => {
  const rules = new Command('rules').description('list rules, put a new version of one in force, or retire one')
  rules
    .command('list')
    .description('every version of every rule')
    .option('--json', 'print one JSON document')
    .action((words: Words) => runCommand(words, (terminal) => withDatabase(terminal, list)))
  rules
    .command('set')
    .description('put a new version in force: what is not named stays as it is in the version in force')
    .argument('<rule>', 'rule id, such as HIGH_FREQUENCY')
    .argument('[parameters...]', 'name=number, such as minEvents=20')
    .addOption(stateOption())
    .option('--kind <kind>', 'kind of a rule that does not exist yet')
    .option('--json', 'print one JSON document')
    .action((rule: string, parameters: string[], words: Words) =>
      runCommand(words, (terminal) => withDatabase(terminal, (db) => set(db, rule, parameters, words))),
    )
  rules
    .command('retire')
    .description('take a rule out of force; its open anomalies close as they would have')
    .argument('<rule>', 'rule id')
    .addOption(stateOption())
    .option('--json', 'print one JSON document')
    .action((rule: string, words: Words) =>
      runCommand(words, (terminal) => withDatabase(terminal, (db) => retire(db, rule, words.state ?? 'active'))),
    )
  return rules
}

async function list(db: Database): Promise<CommandResult> {
  const rules = await listRuleVersions(db)
  const lines = rules.map(
    (rule) => `${rule.ruleId} version ${rule.version} ${rule.state}: ${JSON.stringify(rule.parameters)}`,
  )
  return { document: { rules }, lines, complete: true }
}

async function set(
  db: Database,
  ruleId: string,
  words: readonly string[],
  { kind, state = 'active' }: Words,
): Promise<CommandResult> {
  const before = inForce(await listRuleVersions(db), ruleId, state)
  const ruleKind = kind ?? before?.kind
  if (ruleKind === undefined)
    throw new UsageError(`no rule ${ruleId} is in force: name its --kind (${[...RULE_KINDS.keys()].join(', ')})`)
  const kept = ruleKind === before?.kind ? before.parameters : {}
  const parameters = { ...kept, ...Object.fromEntries(words.map(parameterOf)) }
  ruleInForce({ ruleId, version: (before?.version ?? 0) + 1, kind: ruleKind, state, parameters }, state, RULE_KINDS)
  const version = await putRuleVersion(db, { ruleId, kind: ruleKind, state, parameters }, changeByShell())
  const document = { ruleId, version, kind: ruleKind, state, parameters }
  return {
    document,
    lines: [`${ruleId} version ${version} is ${state}: ${JSON.stringify(parameters)}`, TAKES_EFFECT],
    complete: true,
  }
}

/** The version to go on from: that of the same state, or else the active one. */
const inForce = (rules: readonly RuleVersion[], ruleId: string, state: string): RuleVersion | undefined => {
  const own = rules.filter((rule) => rule.ruleId === ruleId)
  return own.find((rule) => rule.state === state) ?? own.find((rule) => rule.state === 'active') ?? own[0]
}

async function retire(db: Database, ruleId: string, state: 'active' | 'shadow'): Promise<CommandResult> {
  const retired = await retireRule(db, ruleId, state, changeByShell())
  const line = retired ? `${ruleId} is retired` : `no ${state} version of ${ruleId} is in force`
  return { document: { ruleId, state, retired }, lines: [line], complete: retired }
}

function parameterOf(word: string): [string, number] {
  const match = /^([A-Za-z]\w*)=(-?\d+(?:\.\d+)?)$/.exec(word)
  if (!match) throw new UsageError(`${JSON.stringify(word)} is not name=number`)
  return [match[1] ?? '', Number(match[2])]
}
