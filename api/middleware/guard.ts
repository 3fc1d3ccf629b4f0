import type { Request, RequestHandler } from 'express'
import { mayDo } from '../../domain/access/roles.js'
import { Counter, type Registry } from '../../platform/metrics.js'
import type { Operation } from '../../schemas/rest/operation.js'
import type { Authenticator } from '../access/authenticator.js'
import { isFromOwnPage, readSessionCookie } from '../access/browser-session.js'
import type { Denial } from '../access/denials.js'
import { actorNameOf, type Identified, type Principal, type Refusal } from '../access/principal.js'
import { rateHeaders, type RateLimiter } from '../access/rate-limiter.js'
import { withDeadline } from '../../platform/resilience/deadline.js'
import { ProblemError, tooLate } from '../problem-error.js'
import { contextOf } from '../request-context.js'

export interface GuardDeps {
  readonly authenticator: Pick<Authenticator, 'byKey' | 'bySession'>
  readonly limiter: RateLimiter
  /** Of a key that has no rate of its own. */
  readonly requestsPerMinute: number
  /** Counts refused keys, apart from those that are let in: they are as many as somebody likes to make up. */
  readonly refusals: RateLimiter
  /** Refused keys per address, before the answer is 429. */
  readonly refusalsPerMinute: number
  /** How long it may take to find out who calls. */
  readonly requestTimeoutMs: number
  readonly denials: { readonly add: (denial: Denial) => void }
  /** Told of every use of a key. */
  readonly onUse: (keyId: string) => void
  readonly registry: Registry
}

/** Makes the check of one operation: who calls, how often, and whether the role may. */
export type Guard = (operation: Operation) => RequestHandler

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']
const NO_KEY: Identified = { kind: 'refused', reason: 'no_key' }

/**
 * Makes the checks of operations. Who is not let in is answered with a problem, counted, and, unless it was a read without
 * any key, written down for the audit log.
 */
export function createGuard(deps: GuardDeps): Guard {
  const denied = new Counter({
    name: 'guardian_http_denied_total',
    help: 'Requests that were not let in, by reason',
    labelNames: ['reason'],
    registers: [deps.registry],
  })
  const deny = (request: Request, operation: Operation, reason: string, who: Pick<Denial, 'actor' | 'actorName'>) => {
    denied.inc({ reason })
    // A read without any key is noise; who shows a key, or wants a change, is written down.
    if (reason === 'no_key' && SAFE_METHODS.includes(request.method)) return
    const { requestId } = contextOf(request.res as never)
    const action = `${operation.method.toUpperCase()} ${operation.path}`
    deps.denials.add({ ...who, action, target: operation.path, requestId, before: null, after: { reason } })
  }
  return (operation) =>
    operation.access === 'open'
      ? (_request, _response, next) => next()
      : async (request, response, next) => {
          const startedAt = performance.now()
          const { requestTimeoutMs: timeoutMs } = deps
          const late = () => tooLate(request.method, timeoutMs)
          const identified = await withDeadline(() => identify(request, deps.authenticator), timeoutMs, late)
          contextOf(response).guardedMs = performance.now() - startedAt
          if (identified.kind === 'refused') {
            const { reason, keyId } = identified
            const address = addressOf(request)
            const problem = refusal(deps, address, reason, !SAFE_METHODS.includes(request.method))
            // Beyond the rate limit nothing is written: attempts are counted in the metric alone.
            if (problem.code === 'RATE_LIMITED') denied.inc({ reason: 'rate' })
            else deny(request, operation, reason, { actor: keyId ?? 'unknown', actorName: address })
            throw problem
          }
          const { principal } = identified
          const rate = deps.limiter.take(principal.keyId, principal.requestsPerMinute ?? deps.requestsPerMinute)
          for (const [name, value] of rateHeaders(rate)) response.setHeader(name, value)
          if (!rate.allowed) {
            denied.inc({ reason: 'rate' })
            throw tooMany(rate.resetSeconds)
          }
          const problem = objection(operation, request, principal)
          if (problem !== undefined) {
            const who = { actor: principal.keyId, actorName: actorNameOf(principal) }
            deny(request, operation, problem.code.toLowerCase(), who)
            throw problem
          }
          deps.onUse(principal.keyId)
          contextOf(response).principal = principal
          contextOf(response).stillMay = async () => {
            const now = await identify(request, deps.authenticator)
            return now.kind === 'known' && mayDo(now.principal.role, operation.access)
          }
          next()
        }
}

/** The address of the caller, as far as the configured proxies are trusted to tell it. */
export const addressOf = (request: Request): string => request.ip ?? 'unknown'

function identify(request: Request, authenticator: GuardDeps['authenticator']): Promise<Identified> {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const [, key] = /^Bearer ([^\s]+)$/i.exec(authorization) ?? []
    return key === undefined ? Promise.resolve({ kind: 'refused', reason: 'malformed' }) : authenticator.byKey(key)
  }
  const token = readSessionCookie(request.headers.cookie)
  return token === undefined ? Promise.resolve(NO_KEY) : authenticator.bySession(token)
}

const tooMany = (seconds: number): ProblemError =>
  new ProblemError('RATE_LIMITED', `try again in ${seconds} s`, { retryAfterSeconds: seconds })

/** The answer to a caller who is not known; it does not tell an unknown key from a revoked one. */
export function refusal(
  { refusals, refusalsPerMinute }: Pick<GuardDeps, 'refusals' | 'refusalsPerMinute'>,
  address: string,
  reason: Refusal,
  isChange = false,
): ProblemError {
  if (reason !== 'no_key' || isChange) {
    const rate = refusals.take(address, refusalsPerMinute)
    if (!rate.allowed) return tooMany(rate.resetSeconds)
  }
  const detail =
    reason === 'no_key'
      ? 'send Authorization: Bearer <key>; the first key is GUARDIAN_ADMIN_KEY in .env'
      : 'the key or log-in is not valid, or not any more'
  return new ProblemError('UNAUTHENTICATED', detail, { headers: { 'www-authenticate': 'Bearer realm="guardian"' } })
}

function objection(operation: Operation, request: Request, principal: Principal): ProblemError | undefined {
  if (!mayDo(principal.role, operation.access))
    return new ProblemError('FORBIDDEN', `it takes the role ${operation.access}, and this key has ${principal.role}`)
  const { session } = principal
  if (session === undefined || SAFE_METHODS.includes(request.method)) return undefined
  if (isFromOwnPage(request.headers, session.token)) return undefined
  return new ProblemError('CROSS_SITE', 'send the csrf_token of GET /session as x-csrf-token, from the same origin')
}
