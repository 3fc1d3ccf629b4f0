import type { Database } from '../db/pool.js'
import { createDraft, editDraft, getRuleVersion, readRuleVersions, setRuleState } from '../db/stores/rule-versions.js'
import type { RuleStore } from './routes/rules.js'

/** Rules in PostgreSQL. */
export const wireRules = (db: Database): RuleStore => ({
  list: (ruleId) => readRuleVersions(db, ruleId),
  get: (ruleId, version) => getRuleVersion(db, ruleId, version),
  createDraft: (draft, by) => createDraft(db, draft, by),
  editDraft: (of, check, by) => editDraft(db, of, check, by),
  setState: (of, check, by) => setRuleState(db, of, check, by),
})
