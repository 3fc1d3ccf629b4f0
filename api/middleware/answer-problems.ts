import type { ErrorRequestHandler } from 'express'
import type { Logger } from '../../platform/logger.js'
import { asProblem } from '../problem-error.js'
import { contextOf } from '../request-context.js'

/** The last middleware: answers every error as a problem. Only what a person must look at is logged as an error. */
export const answerProblems =
  (log: Logger): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    const problem = asProblem(error)
    const { requestId, route } = contextOf(response)
    const line = { err: problem.cause ?? problem, code: problem.code, route, requestId }
    if (problem.code === 'INTERNAL') log.error(line, 'request_failed')
    else if (problem.status >= 500) log.warn(line, 'request_refused')
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
