import type { RequestHandler } from 'express'
import { ProblemError } from '../problem-error.js'

const PREFLIGHT_KEPT_SECONDS = '600'
const ALLOWED_HEADERS = 'authorization, content-type, traceparent, tracestate, x-request-id'
const EXPOSED_HEADERS = 'retry-after, x-request-id, ratelimit, ratelimit-policy'

/**
 * Lets pages of the listed origins call what follows, and refuses pages of any other before anything is done. Who sends no
 * `Origin` is no page. Its headers are on problems too, so that a page can read why it was refused.
 */
export function crossOrigin(origins: readonly string[], methods: readonly string[]): RequestHandler {
  const listed = new Set(origins)
  const allowedMethods = methods.join(', ')
  return (request, response, next) => {
    const { origin, host } = request.headers
    response.vary('origin')
    if (origin === undefined || isSameOrigin(origin, host)) {
      next()
      return
    }
    if (!listed.has(origin)) {
      next(new ProblemError('ORIGIN_NOT_ALLOWED', 'API_COLLECTOR_ORIGINS lists the origins whose pages may call it'))
      return
    }
    response.set({ 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED_HEADERS })
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      next()
      return
    }
    response
      .status(204)
      .set({
        'access-control-allow-methods': allowedMethods,
        'access-control-allow-headers': ALLOWED_HEADERS,
        'access-control-max-age': PREFLIGHT_KEPT_SECONDS,
      })
      .end()
  }
}

const isSameOrigin = (origin: string, host: string | undefined): boolean =>
  URL.canParse(origin) && new URL(origin).host === host
