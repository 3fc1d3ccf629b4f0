import type { Client } from '@temporalio/client'
import type { Database } from '../db/pool.js'
import { createBackTest, endBackTest, getBackTest, listBackTests, START_UNCONFIRMED } from '../db/stores/back-tests.js'
import type { CircuitBreaker } from '../platform/resilience/circuit-breaker.js'
import { WORKFLOWS, type BackTestInput } from '../workflows/contract.js'
import type { ApiConfig } from './api-config.js'
import { temporalAsker } from './wire-temporal.js'
import type { BackTestDesk } from './routes/backtests.js'

interface Parts {
  readonly db: Database
  readonly temporal: Client
  readonly breaker: CircuitBreaker
}

/** Back-tests in PostgreSQL, run by Temporal. One whose start Temporal does not confirm has failed, unless its workflow begins after all. */
export function wireBackTests(
  config: Pick<ApiConfig, 'API_QUERY_TIMEOUT_MS' | 'BACK_TESTS_OPEN_MAX' | 'BACK_TESTS_KEPT'>,
  { db, temporal, breaker }: Parts,
): BackTestDesk {
  const limits = { open: config.BACK_TESTS_OPEN_MAX, kept: config.BACK_TESTS_KEPT }
  const asker = temporalAsker(temporal, breaker, config.API_QUERY_TIMEOUT_MS)
  const begin = (backTestId: string, summary: string) =>
    asker()(() =>
      temporal.workflow.start(WORKFLOWS.backTest.type, {
        taskQueue: WORKFLOWS.backTest.taskQueue,
        workflowId: WORKFLOWS.backTest.workflowId(backTestId),
        args: [{ backTestId } satisfies BackTestInput],
        workflowRunTimeout: '6 hours',
        staticSummary: summary,
      }),
    )
  return {
    list: (page) => listBackTests(db, page),
    get: (backTestId) => getBackTest(db, backTestId),
    start: async (test, by) => {
      const row = await createBackTest(db, test, limits, by)
      const summary = `A candidate for ${test.ruleId} on ${test.fromDay} to ${test.toDay}`
      try {
        await begin(test.backTestId, summary)
      } catch (error) {
        await endBackTest(db, test.backTestId, { reason: START_UNCONFIRMED })
        throw error
      }
      return row
    },
  }
}
