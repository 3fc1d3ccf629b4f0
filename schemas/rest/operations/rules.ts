import { bare, json, type Operation } from '../operation.js'
import {
  DraftEdit,
  NewDraft,
  RuleDiff,
  RuleDiffQuery,
  RuleParams,
  RuleStateChange,
  RuleVersion,
  RuleVersionList,
  RuleVersionParams,
} from '../rules.js'

const rule = { ...bare, tag: 'rules', access: 'viewer', problems: ['DEPENDENCY_UNAVAILABLE'] } as const
const known = ['RULE_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'] as const
const changed = ['RULE_NOT_FOUND', 'BAD_RULE', 'WRONG_STATE', 'DEPENDENCY_UNAVAILABLE'] as const

/** Rules as documents: a draft is written, looked on in shadow, put in force, and retired. */
export const ruleOperations = {
  listRules: {
    ...rule,
    path: '/rules',
    summary: 'Every version of every rule',
    answers: { 200: json('All versions', RuleVersionList) },
  },
  listRuleVersions: {
    ...rule,
    path: '/rules/{rule_id}',
    summary: 'Every version of one rule',
    params: RuleParams,
    answers: { 200: json('All versions', RuleVersionList) },
    problems: known,
  },
  getRuleDiff: {
    ...rule,
    path: '/rules/{rule_id}/diff',
    summary: 'What differs between two versions of a rule',
    params: RuleParams,
    query: RuleDiffQuery,
    answers: { 200: json('The differences', RuleDiff) },
    problems: known,
  },
  createDraft: {
    ...rule,
    method: 'post',
    path: '/rules/{rule_id}/versions',
    access: 'analyst',
    summary: 'A new version of a rule as a draft, which decides nothing',
    params: RuleParams,
    body: NewDraft,
    answers: { 201: json('The draft', RuleVersion) },
    problems: ['BAD_RULE', 'DEPENDENCY_UNAVAILABLE'],
  },
  getRuleVersion: {
    ...rule,
    path: '/rules/{rule_id}/versions/{version}',
    summary: 'One version of a rule',
    params: RuleVersionParams,
    answers: { 200: json('The version', RuleVersion) },
    problems: known,
  },
  editDraft: {
    ...rule,
    method: 'put',
    path: '/rules/{rule_id}/versions/{version}',
    access: 'analyst',
    summary: 'Other parameters for a draft',
    params: RuleVersionParams,
    body: DraftEdit,
    needsMatch: true,
    answers: { 200: json('The draft', RuleVersion) },
    problems: changed,
  },
  setRuleState: {
    ...rule,
    method: 'put',
    path: '/rules/{rule_id}/versions/{version}/state',
    access: 'operator',
    summary: 'Puts a version in shadow or in force, in place of the one there, or retires it',
    params: RuleVersionParams,
    body: RuleStateChange,
    needsMatch: true,
    answers: { 200: json('The version', RuleVersion) },
    problems: changed,
  },
} as const satisfies Readonly<Record<string, Operation>>
