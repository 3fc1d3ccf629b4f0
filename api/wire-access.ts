import { findAuditSpan, listAudit, readAuditSpan, verifyAudit } from '../db/read-models/audit.js'
import type { Database, Queryable } from '../db/pool.js'
import {
  createApiKey,
  ensureFirstKey,
  findKeyToCompare,
  getApiKey,
  listApiKeys,
  recordKeyUses,
  revokeApiKey,
  rotateApiKey,
} from '../db/stores/api-keys.js'
import { changeUser, createUser, getUser, listUsers } from '../db/stores/users.js'
import { createApiSession, endApiSession, findApiSession } from '../db/stores/api-sessions.js'
import { recordDenials } from '../db/stores/audit.js'
import { monotonicMs } from '../platform/clock.js'
import type { Part } from '../platform/lifecycle.js'
import { observeLimit } from '../platform/limits.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { digestOf, keyIdOf } from './access/api-key.js'
import { Authenticator } from './access/authenticator.js'
import { DenialRecorder } from './access/denials.js'
import { KeyUses } from './access/key-uses.js'
import { RateLimiter } from './access/rate-limiter.js'
import type { ApiConfig } from './api-config.js'
import type { ApiDeps } from './api.js'
import { createGuard, refusal } from './middleware/guard.js'

/** How often the last uses of keys are written down. */
const USES_FLUSH_MS = 10_000

type AccessDeps = Pick<
  ApiDeps,
  | 'guard'
  | 'users'
  | 'forgetUser'
  | 'keys'
  | 'forgetKey'
  | 'authenticator'
  | 'sessions'
  | 'denials'
  | 'refuse'
  | 'sessionSeconds'
  | 'audit'
  | 'auditStallMs'
>

export interface AccessContext {
  readonly db: Database
  /** For what changes nothing. */
  readonly reads: Queryable
  readonly registry: Registry
  readonly log: Logger
}

/** Keys, log-ins and the audit log on PostgreSQL. Stopping writes down what is still to be recorded. */
export function wireAccess(config: ApiConfig, { db, reads, registry, log }: AccessContext): Part<AccessDeps> {
  const firstKey = once(() => {
    const digest = digestOf(config.GUARDIAN_ADMIN_KEY)
    return ensureFirstKey(db, { keyId: keyIdOf(digest), digest })
  })
  const authenticator = new Authenticator({
    findKey: async (keyId) => {
      await firstKey()
      return findKeyToCompare(reads, keyId)
    },
    findSession: (digest) => findApiSession(reads, digest),
    nowMs: Date.now,
    monotonicMs,
    keptMs: config.API_KEY_KEPT_MS,
    maxKept: config.API_KEYS_KEPT_MAX,
  })
  const uses = new KeyUses((used) => recordKeyUses(db, used), Date.now, log)
  const timer = setInterval(() => void uses.flush(), USES_FLUSH_MS).unref()
  const denials = new DenialRecorder((found) => recordDenials(db, found), log, config.API_DENIALS_QUEUE_MAX)
  const limits = {
    limiter: new RateLimiter(monotonicMs, config.API_KEYS_KEPT_MAX),
    refusals: new RateLimiter(monotonicMs, config.API_KEYS_KEPT_MAX),
    requestTimeoutMs: config.API_REQUEST_TIMEOUT_MS,
    requestsPerMinute: config.API_KEY_REQUESTS_PER_MINUTE,
    refusalsPerMinute: config.API_REFUSALS_PER_MINUTE,
  }
  const counted = () => Math.max(authenticator.kept, limits.limiter.callers, limits.refusals.callers)
  observeLimit(registry, 'API_KEYS_KEPT_MAX', { max: config.API_KEYS_KEPT_MAX, used: counted })
  observeLimit(registry, 'API_DENIALS_QUEUE_MAX', { max: config.API_DENIALS_QUEUE_MAX, used: () => denials.queued })
  const value: AccessDeps = {
    guard: createGuard({ authenticator, denials, registry, onUse: (keyId) => uses.note(keyId), ...limits }),
    users: {
      list: (page) => listUsers(db, page),
      get: (userId) => getUser(db, userId),
      create: (user, by) => createUser(db, user, config.API_USERS_MAX, by),
      change: (userId, change, check, by) => changeUser(db, userId, change, check, by),
    },
    forgetUser: (userId) => authenticator.forgetUser(userId),
    keys: {
      list: (page) => listApiKeys(db, page),
      get: (keyId) => getApiKey(db, keyId),
      create: (key, check, by) => createApiKey(db, key, check, by),
      rotate: (keyId, fresh, oldExpiresTs, by) => rotateApiKey(db, keyId, fresh, oldExpiresTs, by),
      revoke: (keyId, by) => revokeApiKey(db, keyId, by),
    },
    forgetKey: (keyId) => authenticator.forget(keyId),
    authenticator,
    sessions: {
      create: (session, by) => createApiSession(db, session, by),
      end: (digest, by) => endApiSession(db, digest, by),
    },
    denials,
    refuse: (address, reason) => refusal(limits, address, reason),
    sessionSeconds: config.API_SESSION_SECONDS,
    audit: {
      list: (request) => listAudit(db, request),
      verify: () => verifyAudit(db),
      span: (request) => findAuditSpan(db, request),
      read: (span) => readAuditSpan(db, span),
    },
    auditStallMs: config.API_AUDIT_EXPORT_STALL_MS,
  }
  const stop = async () => {
    clearInterval(timer)
    await Promise.all([uses.flush(), denials.flush()])
  }
  return { value, stop }
}

/** Does it when it is first asked for; what failed is tried again by the next who asks. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () =>
    (done ??= work().catch((error: unknown) => {
      done = undefined
      throw error
    }))
}
