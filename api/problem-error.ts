import { GuardianError, type ErrorCode } from '../domain/errors.js'
import { PlatformError } from '../platform/platform-error.js'
import { CircuitOpenError } from '../platform/resilience/circuit-breaker.js'
import { DeadlineError } from '../platform/resilience/deadline.js'
import { PROBLEMS, type Fault, type Problem, type ProblemCode } from '../schemas/rest/problem.js'

export interface ProblemOptions {
  readonly errors?: readonly Fault[]
  /** Headers that belong to the problem: Allow. */
  readonly headers?: Readonly<Record<string, string>>
  /** When it may be worth to try again, as Retry-After says it: 1 or more. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** An answer that is a problem. `detail` goes to the caller: it holds nothing of the inside. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly errors: readonly Fault[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    { errors = [], headers = {}, retryAfterSeconds, cause }: ProblemOptions = {},
  ) {
    super(`${code}: ${detail}`, { cause })
    this.errors = errors
    this.headers = retryAfterSeconds === undefined ? headers : { ...headers, 'retry-after': String(retryAfterSeconds) }
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }

  /** The body of the answer. */
  toProblem(requestId: string): Problem {
    const { status, title } = PROBLEMS[this.code]
    return {
      type: `urn:guardian:problem:${this.code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status,
      detail: this.detail,
      code: this.code,
      request_id: requestId,
      ...(this.errors.length > 0 ? { errors: [...this.errors] } : {}),
    }
  }
}

/** What the body parser of Express calls its refusals. */
const BODY_FAULTS: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  'entity.too.large': ['BODY_TOO_LARGE', 'the body is over the limit'],
  'entity.parse.failed': ['MALFORMED_BODY', 'the body is not JSON'],
  'entity.verify.failed': ['MALFORMED_BODY', 'the body was refused'],
  'request.size.invalid': ['MALFORMED_BODY', 'the body has another length than it says'],
  'request.aborted': ['MALFORMED_BODY', 'the body did not arrive whole'],
  'encoding.unsupported': ['BODY_NOT_SUPPORTED', 'this content-encoding is not read'],
  'charset.unsupported': ['BODY_NOT_SUPPORTED', 'this charset is not read'],
}

/** Most of what is away for a moment is there again by then. */
const RETRY_AFTER_SECONDS = 2

const PASSING: readonly ErrorCode[] = [
  'GRD_STORE_UNAVAILABLE',
  'GRD_STORE_TIMEOUT',
  'GRD_STORE_CONFLICT',
  'GRD_SHUTDOWN',
]

/** Makes a problem of whatever was thrown while a request was answered. Total; the cause is kept for the log. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const again = { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error }
  if (error instanceof GuardianError && PASSING.includes(error.code))
    return new ProblemError('DEPENDENCY_UNAVAILABLE', 'the database does not answer; try again', again)
  if (error instanceof GuardianError && error.code === 'GRD_COMMIT_UNKNOWN')
    return new ProblemError(
      'OUTCOME_UNKNOWN',
      'the database went away meanwhile: read it before you repeat the change',
      again,
    )
  if (error instanceof CircuitOpenError)
    return new ProblemError('DEPENDENCY_UNAVAILABLE', `${error.dependency} does not answer; try again later`, {
      retryAfterSeconds: Math.ceil(error.retryAfterMs / 1_000),
      cause: error,
    })
  if (error instanceof PlatformError || error instanceof DeadlineError)
    return new ProblemError('DEPENDENCY_UNAVAILABLE', 'a service that is needed does not answer; try again', again)
  if (error instanceof URIError) return new ProblemError('MALFORMED_URL', 'a %-escape is not UTF-8', { cause: error })
  const type: unknown = error instanceof Error ? Reflect.get(error, 'type') : undefined
  const fault = typeof type === 'string' ? BODY_FAULTS[type] : undefined
  if (fault !== undefined) return new ProblemError(fault[0], fault[1], { cause: error })
  if (isUnpackingFault(error))
    return new ProblemError('MALFORMED_BODY', 'the body is not packed as its content-encoding says', { cause: error })
  return new ProblemError('INTERNAL', 'the log has the cause under this request_id', { cause: error })
}

/** The body parser passes on what zlib says of a body, with the status that it should have and no name of its own. */
const isUnpackingFault = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'statusCode') === 400 && Reflect.get(error, 'expose') === true

/** A request that was at work for longer than it may be. What it began goes on. */
export const tooLate = (method: string, timeoutMs: number): ProblemError =>
  new ProblemError(
    'ANSWER_TOO_LATE',
    method === 'GET' || method === 'HEAD'
      ? `it takes longer than ${timeoutMs} ms; ask for less, or try again`
      : `it takes longer than ${timeoutMs} ms; read whether the change was made before you repeat it`,
    { retryAfterSeconds: RETRY_AFTER_SECONDS },
  )

/** What Temporal does not answer is no fault of the caller's, nor of ours. */
export const temporalIsAway = (cause: unknown): ProblemError =>
  new ProblemError('DEPENDENCY_UNAVAILABLE', 'Temporal does not answer; try again', {
    retryAfterSeconds: 5,
    cause,
  })

/**
 * Checks a body by the rules of the domain.
 * @throws ProblemError BAD_REQUEST saying what the domain refuses
 */
export function refuseBadInput<T>(check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof GuardianError && error.code === 'GRD_BAD_INPUT')
      throw new ProblemError('BAD_REQUEST', error.message, { errors: [{ path: 'body', message: error.message }] })
    throw error
  }
}
