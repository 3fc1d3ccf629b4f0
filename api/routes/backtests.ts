import { randomUUID } from 'node:crypto'
import type { BackTestRow, NewBackTest as NewRow, TestedRule } from '../../db/stores/back-tests.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import {
  totalOf,
  type BackTestedCounts,
  type BackTestResult,
  type FlaggedCount,
  type SessionCount,
} from '../../domain/detection/back-test-result.js'
import { backTestDays } from '../../domain/detection/check-back-test.js'
import { GuardianError } from '../../domain/errors.js'
import type { BackTest, BackTestDetails, NewBackTest } from '../../schemas/rest/backtests.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError, refuseBadInput } from '../problem-error.js'
import { pageOf } from './page.js'
import { changeBy, type Handlers } from './router.js'
import { refuseBadRule, type RuleStore } from './rules.js'

export interface BackTestDesk {
  readonly list: (page: { readonly limit: number; readonly after?: string | undefined }) => Promise<BackTestRow[]>
  readonly get: (backTestId: string) => Promise<BackTestRow | undefined>
  /** Stores it, and has it begun. @throws GRD_BAD_INPUT when too many are open */
  readonly start: (test: NewRow, by: ChangeBy) => Promise<BackTestRow>
}

export interface BackTestDeps {
  readonly backTests: BackTestDesk
  readonly rules: Pick<RuleStore, 'get'>
  readonly backTestMaxDays: number
  readonly nowMs: () => number
}

type BackTestOperation = 'listBackTests' | 'createBackTest' | 'getBackTest'

/** `/backtests`. */
export const createBackTestHandlers = (deps: BackTestDeps): Pick<Handlers<Operations>, BackTestOperation> => ({
  async listBackTests({ query: { limit, cursor } }) {
    const rows = await deps.backTests.list({ limit, after: cursor })
    return { body: pageOf(rows, limit, backTestOf, ({ id }) => id) }
  },

  async createBackTest({ body }, context) {
    const candidate = await candidateOf(deps, body)
    refuseBadRule(body.rule_id, candidate.kind, candidate.parameters)
    refuseBadInput(() => backTestDays(body.from, body.to, deps.nowMs(), deps.backTestMaxDays))
    const test = { backTestId: randomUUID(), ruleId: body.rule_id, candidate, fromDay: body.from, toDay: body.to }
    const row = await deps.backTests.start(test, changeBy(context)).catch(refuseTooMany)
    return { status: 202, headers: { location: `/backtests/${row.backTestId}` }, body: backTestOf(row) }
  },

  async getBackTest({ params }) {
    const row = await deps.backTests.get(params.id)
    if (row === undefined) throw new ProblemError('BACK_TEST_NOT_FOUND', 'no back-test has this id')
    const result = row.result === null ? null : resultOf(row.result)
    return { body: { ...backTestOf(row), result } satisfies BackTestDetails }
  },
})

async function candidateOf(
  { rules }: Pick<BackTestDeps, 'rules'>,
  { rule_id: ruleId, version, kind, parameters }: NewBackTest,
): Promise<TestedRule> {
  if (version === undefined) return { version: 0, kind: kind ?? '', parameters: parameters ?? {} }
  const stored = await rules.get(ruleId, version)
  if (stored === undefined) throw new ProblemError('RULE_NOT_FOUND', `see /rules/${ruleId} for the versions there are`)
  return { version, kind: stored.kind, parameters: stored.parameters }
}

function refuseTooMany(error: unknown): never {
  if (error instanceof GuardianError && error.code === 'GRD_BAD_INPUT')
    throw new ProblemError('TOO_MANY_BACK_TESTS', error.message, { cause: error })
  throw error
}

const backTestOf = (row: BackTestRow): BackTest => ({
  id: row.backTestId,
  rule_id: row.ruleId,
  candidate: row.candidate,
  in_force: row.inForce,
  from: row.fromDay,
  to: row.toDay,
  state: row.state,
  progress: { records: row.records, records_read: row.recordsRead },
  reason: row.reason,
  created_by: row.createdBy,
  created_ts: row.createdTs.toISOString(),
  ended_ts: row.endedTs?.toISOString() ?? null,
})

const sessionsOf = ({ sessions, boughtSessions }: SessionCount) => ({ sessions, bought_sessions: boughtSessions })
const flaggedOf = ({ windows, ...counts }: FlaggedCount) => ({ windows, ...sessionsOf(counts) })
const countsOf = ({ candidate, inForce, gained, lost }: BackTestedCounts) => ({
  candidate: flaggedOf(candidate),
  in_force: flaggedOf(inForce),
  gained: sessionsOf(gained),
  lost: sessionsOf(lost),
})

const resultOf = ({ days, samples }: BackTestResult): NonNullable<BackTestDetails['result']> => ({
  total: countsOf(totalOf(days)),
  days: days.map((one) => ({ day: one.day, ...countsOf(one) })),
  samples: samples.map(({ kind, day, sessionId, windows, firstWindowMs, events, distinctItems, bought }) => ({
    ...{ kind, day, windows, events, bought },
    session_id: sessionId,
    first_window_start: new Date(firstWindowMs).toISOString(),
    distinct_items: distinctItems,
  })),
})
