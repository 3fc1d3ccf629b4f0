import type { Check, RuleVersionRow } from '../../db/stores/rule-versions.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { ruleInForce } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { GuardianError } from '../../domain/errors.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { RuleVersion } from '../../schemas/rest/rules.js'
import { ProblemError } from '../problem-error.js'
import { wholeList } from './page.js'
import { changeBy, requireMatch, type HandlerContext, type Handlers } from './router.js'
import { tagOf } from './send-reply.js'

type Version = Pick<RuleVersionRow, 'ruleId' | 'version'>

export interface RuleStore {
  /** All versions, or those of one rule; newest first within a rule. */
  readonly list: (ruleId?: string) => Promise<RuleVersionRow[]>
  readonly get: (ruleId: string, version: number) => Promise<RuleVersionRow | undefined>
  readonly createDraft: (
    draft: Pick<RuleVersionRow, 'ruleId' | 'kind' | 'parameters'>,
    by: ChangeBy,
  ) => Promise<RuleVersionRow>
  readonly editDraft: (
    of: Version & Pick<RuleVersionRow, 'parameters'>,
    check: Check,
    by: ChangeBy,
  ) => Promise<RuleVersionRow | undefined>
  readonly setState: (
    of: Version & { readonly state: 'shadow' | 'active' | 'retired' },
    check: Check,
    by: ChangeBy,
  ) => Promise<RuleVersionRow | undefined>
}

type RuleOperation =
  'listRules' | 'listRuleVersions' | 'getRuleVersion' | 'getRuleDiff' | 'createDraft' | 'editDraft' | 'setRuleState'

/** `/rules`. A change says which version of the document it is for; running detectors take it at their next checkpoint. */
export const createRuleHandlers = (rules: RuleStore): Pick<Handlers<Operations>, RuleOperation> => ({
  listRules: async () => ({ body: listOf(await rules.list()) }),

  async listRuleVersions({ params }) {
    const rows = await rules.list(params.rule_id)
    if (rows.length === 0) throw notFound()
    return { body: listOf(rows) }
  },

  async getRuleVersion({ params }) {
    return { body: ruleOf(found(await rules.get(params.rule_id, params.version))) }
  },

  async getRuleDiff({ params, query }) {
    const [from, to] = await Promise.all([rules.get(params.rule_id, query.from), rules.get(params.rule_id, query.to)])
    return { body: diffOf(found(from), found(to)) }
  },

  async createDraft({ params, body }, context) {
    refuseBadRule(params.rule_id, body.kind, body.parameters)
    const row = await rules.createDraft({ ruleId: params.rule_id, ...body }, changeBy(context))
    const document = ruleOf(row)
    const location = `/rules/${row.ruleId}/versions/${row.version}`
    return { status: 201, headers: { location, etag: tagOf({ body: document }) }, body: document }
  },

  async editDraft({ params, body }, context) {
    const check: Check = (current) => {
      requireMatch(context, tagOf({ body: ruleOf(current) }))
      if (current.state !== 'draft') throw wrongState('only a draft can be edited: create a new version')
      refuseBadRule(current.ruleId, current.kind, body.parameters)
    }
    const of = { ruleId: params.rule_id, version: params.version, parameters: body.parameters }
    return changed(await rules.editDraft(of, check, changeBy(context)))
  },

  async setRuleState({ params, body }, context) {
    const of = { ruleId: params.rule_id, version: params.version, state: body.state }
    const row = await rules.setState(of, checkMove(body.state, context), changeBy(context)).catch(asBadRule)
    return changed(row)
  },
})

const checkMove =
  (state: 'shadow' | 'active' | 'retired', context: HandlerContext): Check =>
  (current) => {
    requireMatch(context, tagOf({ body: ruleOf(current) }))
    if (current.state === 'retired') throw wrongState('a retired version stays so: create a new version')
    if (current.state === state) throw wrongState(`it is ${state} already`)
    if (state !== 'retired') refuseBadRule(current.ruleId, current.kind, current.parameters)
  }

const notFound = () => new ProblemError('RULE_NOT_FOUND', 'see /rules for those there are')
const wrongState = (detail: string) => new ProblemError('WRONG_STATE', detail)

function found(row: RuleVersionRow | undefined): RuleVersionRow {
  if (row === undefined) throw notFound()
  return row
}

/** The detector would refuse it, too: it is the same check. @throws ProblemError BAD_RULE */
export function refuseBadRule(ruleId: string, kind: string, parameters: Readonly<Record<string, unknown>>): void {
  try {
    ruleInForce({ ruleId, version: 1, kind, state: 'draft', parameters }, 'active', RULE_KINDS)
  } catch (error) {
    asBadRule(error)
  }
}

/** @throws ProblemError BAD_RULE in place of what the domain says of a rule; any other error as it is */
function asBadRule(error: unknown): never {
  if (!(error instanceof GuardianError) || error.code !== 'GRD_BAD_RULE') throw error
  const message = error.message.replace(/^rule \S+ version \d+: /, '')
  throw new ProblemError('BAD_RULE', message, { errors: [{ path: 'body.parameters', message }], cause: error })
}

function changed(row: RuleVersionRow | undefined) {
  const document = ruleOf(found(row))
  return { body: document, headers: { etag: tagOf({ body: document }) } }
}

const ruleOf = (row: RuleVersionRow): RuleVersion => ({
  rule_id: row.ruleId,
  version: row.version,
  kind: row.kind,
  state: row.state,
  parameters: row.parameters,
  created_ts: row.createdTs.toISOString(),
  state_ts: row.stateTs.toISOString(),
})

const listOf = (rows: readonly RuleVersionRow[]) => wholeList(rows.map(ruleOf))

function diffOf(from: RuleVersionRow, to: RuleVersionRow) {
  const [before, after] = [from, to].map(({ kind, parameters }) => new Map(Object.entries({ kind, ...parameters })))
  const names = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].sort()
  const changes = names
    .map((name) => ({ name, from: before?.get(name) ?? null, to: after?.get(name) ?? null }))
    .filter((change) => change.from !== change.to)
  return { rule_id: from.ruleId, from: from.version, to: to.version, changes }
}
