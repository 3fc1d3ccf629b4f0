import assert from 'node:assert/strict'
import { asProblem, ProblemError } from '../../../api/problem-error.js'
import { ERROR_CODES, GuardianError, isRetryable } from '../../../domain/errors.js'
import { PROBLEMS, Problem, type ProblemCode } from '../../../schemas/rest/problem.js'

describe('ProblemError', () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[])
    it(`${code} makes a whole problem`, () => {
      const body = new ProblemError(code, 'why').toProblem('id-1')
      assert.deepEqual(Problem.parse(body), body)
      assert.equal(body.status, PROBLEMS[code].status)
      assert.match(body.type, /^urn:guardian:problem:[a-z-]+$/)
    })
})

describe('asProblem', () => {
  it('asks the caller to come back while the database is away, and blames nobody else', () => {
    for (const code of ERROR_CODES) {
      const problem = asProblem(new GuardianError(code, 'secret host'))
      const isPassing = code.startsWith('GRD_STORE')
        ? isRetryable(new GuardianError(code, ''))
        : code === 'GRD_SHUTDOWN'
      const isUnknown = code === 'GRD_COMMIT_UNKNOWN'
      const otherwise = isUnknown ? 'OUTCOME_UNKNOWN' : 'INTERNAL'
      assert.equal(problem.code, isPassing ? 'DEPENDENCY_UNAVAILABLE' : otherwise, code)
      assert.equal(problem.headers['retry-after'], isPassing || isUnknown ? '2' : undefined)
      assert.doesNotMatch(JSON.stringify(problem.toProblem('id')), /secret/)
    }
  })

  it('answers for any thrown value, and keeps it for the log', () => {
    for (const thrown of [new Error('secret'), 'secret', null, undefined, { status: 404 }, 7]) {
      const problem = asProblem(thrown)
      assert.equal(problem.code, 'INTERNAL')
      assert.equal(problem.cause, thrown)
      assert.doesNotMatch(JSON.stringify(problem.toProblem('id')), /secret/)
    }
  })
})
