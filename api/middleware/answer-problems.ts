import type { ErrorRequestHandler } from 'express'
import type { Logger } from '../../platform/logger.js'
import { asProblem } from '../problem-error.js'
import { contextOf } from '../request-context.js'

/** A server that is overloaded, or whose database is away, refuses thousands a second: so often each kind is told of. */
const TOLD_EVERY_MS = 1_000

/**
 * The last middleware: answers every error as a problem. Only what a person must look at is logged as an error, each time;
 * of refusals, one a second for each code, with how many there were since the one before.
 */
export const answerProblems = (log: Logger, nowMs: () => number = Date.now): ErrorRequestHandler => {
  const told = new Map<string, { readonly atMs: number; untold: number }>()
  const tellRefusal = (code: string, line: object) => {
    const before = told.get(code)
    if (before !== undefined && nowMs() - before.atMs < TOLD_EVERY_MS) {
      before.untold += 1
      return
    }
    told.set(code, { atMs: nowMs(), untold: 0 })
    log.warn({ ...line, untold: before?.untold ?? 0 }, 'request_refused')
  }
  return (error: unknown, _request, response, next) => {
    const problem = asProblem(error)
    const { requestId, route } = contextOf(response)
    const line = { err: problem.cause ?? problem, code: problem.code, route, requestId }
    if (problem.code === 'INTERNAL') log.error(line, 'request_failed')
    else if (problem.status >= 500) tellRefusal(problem.code, line)
    if (response.headersSent) {
      next(error) // Express closes the connection: the caller sees that the answer is not whole
      return
    }
    response
      .status(problem.status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(JSON.stringify(problem.toProblem(requestId)))
  }
}
