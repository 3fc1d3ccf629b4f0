import {
  BackTest,
  BackTestDetails,
  BackTestList,
  backTestListQuery,
  BackTestParams,
  NewBackTest,
} from '../backtests.js'
import { bare, json, type Operation } from '../operation.js'

const backTests = { ...bare, tag: 'rules', access: 'viewer' } as const

/** Candidate rules, tested on archived days. @param pageLimitMax how many rows a page may have */
export const backTestOperations = (pageLimitMax: number) =>
  ({
    listBackTests: {
      ...backTests,
      path: '/backtests',
      summary: 'Back-tests without their results, newest first',
      query: backTestListQuery(pageLimitMax),
      answers: { 200: json('One page', BackTestList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    createBackTest: {
      ...backTests,
      method: 'post',
      path: '/backtests',
      access: 'analyst',
      summary: 'Decides archived days by a candidate rule, and compares with the rule in force',
      body: NewBackTest,
      answers: { 202: json('It is under way; Location has its address', BackTest) },
      problems: ['RULE_NOT_FOUND', 'BAD_RULE', 'TOO_MANY_BACK_TESTS', 'DEPENDENCY_UNAVAILABLE'],
    },
    getBackTest: {
      ...backTests,
      path: '/backtests/{id}',
      summary: 'How far a back-test is, and what came of it',
      params: BackTestParams,
      answers: { 200: json('The back-test', BackTestDetails) },
      problems: ['BACK_TEST_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
