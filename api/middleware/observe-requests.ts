import type { Request, RequestHandler } from 'express'
import type { Logger } from '../../platform/logger.js'
import { Counter, Gauge, Histogram, type Registry } from '../../platform/metrics.js'
import { contextOf } from '../request-context.js'

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** The method, from a closed list: callers make some up. */
export const methodOf = ({ method }: Request): string => (METHODS.includes(method) ? method : 'OTHER')

/** Counts and times every request by route template, method and status, and writes one log line for it. */
export function observeRequests(registry: Registry, log: Logger): RequestHandler {
  const labelNames = ['route', 'method', 'status'] as const
  const requests = new Counter({
    name: 'guardian_http_requests_total',
    help: 'HTTP requests answered; status `aborted` when the caller went away first',
    labelNames,
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'guardian_http_request_duration_seconds',
    help: 'From the request line to the last byte of the answer',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const inProgress = new Gauge({
    name: 'guardian_http_requests_in_progress',
    help: 'HTTP requests that have no answer yet',
    registers: [registry],
  })
  return (request, response, next) => {
    const startedAt = performance.now()
    inProgress.inc()
    response.once('close', () => {
      inProgress.dec()
      const seconds = (performance.now() - startedAt) / 1_000
      const { route, requestId } = contextOf(response)
      const labels = {
        route,
        method: methodOf(request),
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      }
      requests.inc(labels)
      duration.observe(labels, seconds)
      log.debug({ ...labels, seconds, requestId }, 'http_request')
    })
    next()
  }
}
