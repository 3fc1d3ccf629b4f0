import type { RequestHandler } from 'express'
import { traceRequest, type Tracing } from '../../platform/tracing.js'
import { contextOf } from '../request-context.js'
import { methodOf } from './observe-requests.js'

/** Makes a span of every request, in its caller's trace; nothing of the path but the template, nothing of who calls. */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (request, response, next) => {
    traceRequest(tracing, request.headers, (span) => {
      response.once('close', () => {
        const { route, requestId } = contextOf(response)
        const method = methodOf(request)
        const facts = {
          'http.request.method': method,
          'http.route': route,
          'http.response.status_code': response.statusCode,
          'guardian.request_id': requestId,
        }
        span.end(`${method} ${route}`, facts, !response.writableFinished || response.statusCode >= 500)
      })
      next()
    })
  }
}
