import express, { type Express, type RequestHandler } from 'express'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import type { Tracing } from '../platform/tracing.js'
import type { Operation } from '../schemas/rest/operation.js'
import { answerProblems } from './middleware/answer-problems.js'
import { observeRequests } from './middleware/observe-requests.js'
import { refuseLargeBody } from './middleware/refuse-body.js'
import { requestId } from './middleware/request-id.js'
import { securityHeaders } from './middleware/security-headers.js'
import { traceRequests } from './middleware/trace-requests.js'
import { ProblemError } from './problem-error.js'
import { createRouter, type Handlers, type RouterDeps } from './routes/router.js'

export interface AppDeps extends RouterDeps {
  readonly log: Logger
  readonly registry: Registry
  /** How many proxies before this server are trusted to tell a caller's address. */
  readonly trustedProxies: number
  /** Whether the process has been told to end: connections are closed after their answer. */
  readonly isStopping: () => boolean
  /** Where spans go; undefined when nothing is traced. */
  readonly tracing: Tracing | undefined
}

/** The HTTP application over a table of operations and their handlers. It listens nowhere yet. */
export function createApp<Table extends Readonly<Record<string, Operation>>>(
  operations: Table,
  handlers: Handlers<Table>,
  deps: AppDeps,
): Express {
  const { log, registry, bodyLimitBytes, trustedProxies, isStopping, tracing } = deps
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('query parser', false)
  app.set('trust proxy', trustedProxies)
  app.use(requestId)
  if (tracing !== undefined) app.use(traceRequests(tracing))
  app.use(observeRequests(registry, log), securityHeaders)
  app.use((_request, response, next) => {
    if (isStopping()) response.set('connection', 'close')
    next()
  })
  app.use(refuseWithoutHost, refuseLargeBody(bodyLimitBytes))
  app.use(createRouter(operations, handlers, deps))
  app.use((_request, _response, next) => next(new ProblemError('ROUTE_NOT_FOUND', 'see /docs for what there is')))
  app.use(answerProblems(log))
  return app
}

/** HTTP/1.1 asks for it, and for this answer. */
const refuseWithoutHost: RequestHandler = (request, response, next) => {
  if (request.headers.host !== undefined || request.httpVersion !== '1.1') {
    next()
    return
  }
  response.set('connection', 'close')
  next(new ProblemError('MALFORMED_REQUEST', 'the request names no host'))
}
