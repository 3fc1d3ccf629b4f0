import { createHash } from 'node:crypto'
import type { Request } from 'express'
import type { StoredAnswer, StoredClaim } from '../db/stores/idempotency-keys.js'
import { GuardianError } from '../domain/errors.js'
import { CircuitOpenError } from '../platform/resilience/circuit-breaker.js'
import { IDEMPOTENCY_KEY } from '../schemas/rest/parameters.js'
import { ProblemError } from './problem-error.js'
import type { Reply } from './routes/send-reply.js'

/** A request under an Idempotency-Key. */
export interface RepeatableRequest {
  readonly keyId: string
  readonly idempotencyKey: string
  /** SHA-256 of method, address and body. */
  readonly digest: Buffer
}

export interface IdempotencyStore {
  readonly claim: (request: RepeatableRequest) => Promise<StoredClaim>
  /** @param answer null when it holds a secret */
  readonly complete: (request: RepeatableRequest, answer: StoredAnswer | null) => Promise<void>
  readonly release: (request: RepeatableRequest) => Promise<void>
}

/** The key of a request, if it has one. @throws ProblemError BAD_REQUEST when it cannot be a key */
export function idempotencyKeyOf(request: Request): string | undefined {
  const given = request.headers['idempotency-key']
  if (given === undefined) return undefined
  if (typeof given === 'string' && IDEMPOTENCY_KEY.test(given)) return given
  const errors = [{ path: 'header.idempotency-key', message: 'not 1 to 255 visible ASCII characters' }]
  throw new ProblemError('BAD_REQUEST', '1 fault: header.idempotency-key', { errors })
}

/** What makes two requests under one key the same: method, address and body. */
export const requestDigest = (request: Request): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([request.method, request.originalUrl, request.body ?? null]))
    .digest()

/**
 * Does a request once for all its repetitions, which get the same answer. A request that failed has changed nothing and
 * may be repeated; one whose process ended under way after a while, if it has made no change until then.
 * @throws ProblemError IDEMPOTENCY_*; whatever `work` throws
 */
export async function once(
  store: IdempotencyStore,
  request: RepeatableRequest,
  isSecret: boolean,
  work: () => Promise<Reply>,
): Promise<Reply> {
  const claim = await store.claim(request)
  if (claim.kind !== 'claimed') return replay(claim)
  let reply: Reply
  try {
    reply = await work()
  } catch (error) {
    if (hasChangedNothing(error)) await store.release(request)
    throw error
  }
  const { status = 200, body, headers = {} } = reply
  await store.complete(request, isSecret ? null : { status, headers, body })
  return reply
}

/** Of what was not foreseen, and of a commit without an answer, nobody knows how it ended. */
const hasChangedNothing = (error: unknown): boolean =>
  error instanceof ProblemError ||
  error instanceof CircuitOpenError ||
  (error instanceof GuardianError && error.code !== 'GRD_COMMIT_UNKNOWN')

function replay(claim: Exclude<StoredClaim, { readonly kind: 'claimed' }>): Reply {
  if (claim.kind === 'mismatch')
    throw new ProblemError('IDEMPOTENCY_MISMATCH', 'take a new Idempotency-Key for a new request')
  if (claim.kind === 'in_flight')
    throw new ProblemError('IDEMPOTENCY_IN_FLIGHT', 'ask again; if it stays so, read what it was to change', {
      retryAfterSeconds: 1,
    })
  if (claim.kind === 'lost')
    throw new ProblemError(
      'IDEMPOTENCY_ANSWER_LOST',
      'read what it was to change; if it is not there, take a new Idempotency-Key',
    )
  if (claim.answer === null)
    throw new ProblemError('IDEMPOTENCY_SPENT', 'it was done; what it made is in its list, the secret is not')
  return { ...claim.answer, headers: { ...claim.answer.headers, 'idempotency-replayed': 'true' } }
}
