import { GuardianError, type ErrorCode } from '../domain/errors.js'
import { explainTls } from '../platform/tls.js'

/** What PostgreSQL's five-character SQLSTATE says about an attempt; the first row that matches decides. */
const BY_SQLSTATE: readonly (readonly [pattern: RegExp, code: ErrorCode])[] = [
  [/^(40001|40P01|55P03)$/, 'GRD_STORE_CONFLICT'], // serialization failure, deadlock, lock not available in time
  [/^(57014|25P0[34])$/, 'GRD_STORE_TIMEOUT'], // statement, idle-in-transaction and transaction timeout
  [/^(57P0[1235]|08...|53...|58...)$/, 'GRD_STORE_UNAVAILABLE'], // shutdown, connection, no resources, I/O
]

const NETWORK = /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|EADDRNOTAVAIL|EMFILE|ENFILE)$/

/** What node-postgres says without a code, as its source has it. */
const BY_MESSAGE: readonly (readonly [pattern: RegExp, code: ErrorCode])[] = [
  [/^Query read timeout$/, 'GRD_STORE_TIMEOUT'],
  [/^(Connection terminated|timeout expired|timeout exceeded when trying to connect)/, 'GRD_STORE_UNAVAILABLE'],
  [/^(Client has encountered a connection error|Client was closed)/, 'GRD_STORE_UNAVAILABLE'],
  [/^(SASL|The server does not support SSL)/, 'GRD_STORE_REFUSED'],
  [/^Cannot use a pool after calling end/, 'GRD_SHUTDOWN'],
]

const TLS_NAMES = {
  address: 'DATABASE_URL',
  ca: 'sslrootcert in DATABASE_URL',
  cert: 'sslcert in DATABASE_URL',
  key: 'sslkey',
  tls: 'sslmode in DATABASE_URL',
}

/** What a refused connection means for the settings, as PostgreSQL and node-postgres word it. */
const BY_REFUSAL: readonly (readonly [pattern: RegExp, explanation: string])[] = [
  [/^password authentication failed|^SASL/, 'check the user and the password in DATABASE_URL'],
  [/^The server does not support SSL/, 'the server does not use TLS: check sslmode in DATABASE_URL'],
  [/no encryption$/, 'the server requires TLS: set sslmode in DATABASE_URL'],
  [
    /^connection requires a valid client certificate|^certificate authentication failed/,
    'the server requires a client certificate for this user: set sslcert and sslkey in DATABASE_URL',
  ],
]

/** Which setting of the connection an error is about, in words; undefined when it is about none. */
function explainConnection(error: unknown): string | undefined {
  const message = field(error, 'message') ?? ''
  return BY_REFUSAL.find(([pattern]) => pattern.test(message))?.[1] ?? explainTls(error, TLS_NAMES)
}

const SQLSTATE = /^[0-9A-Z]{5}$/

const field = (error: unknown, name: string): string | undefined => {
  if (typeof error !== 'object' || error === null) return undefined
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}

/** The SQLSTATE that PostgreSQL gave, of the error or of any of its causes; undefined when it gave none. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const code = field(at, 'code')
    if (code !== undefined && SQLSTATE.test(code) && field(at, 'severity') !== undefined) return code
  }
  return undefined
}

/**
 * What a failed attempt on PostgreSQL means for the caller. Total: undefined says that the error is not of the
 * database (a mistake in our own code), every other error has its code.
 */
export function classifyStoreError(error: unknown): ErrorCode | undefined {
  if (error instanceof GuardianError) return error.code
  const code = field(error, 'code') ?? ''
  if (field(error, 'severity') !== undefined && SQLSTATE.test(code)) {
    if (code === '23514' && field(error, 'routine') === 'ExecFindPartition') return 'GRD_PARTITION_MISSING'
    return BY_SQLSTATE.find(([pattern]) => pattern.test(code))?.[1] ?? 'GRD_STORE_REFUSED'
  }
  if (NETWORK.test(code)) return 'GRD_STORE_UNAVAILABLE'
  if (explainTls(error, TLS_NAMES) !== undefined) return 'GRD_STORE_REFUSED'
  const message = field(error, 'message') ?? ''
  return BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1]
}

/**
 * Gives a failed attempt its code and keeps the cause. An error that is not of the database comes back as it is.
 * The message holds no value of a parameter: PostgreSQL's own text stays in the cause.
 */
export function asStoreError(error: unknown, doing: string): unknown {
  if (error instanceof GuardianError) return error
  const code = classifyStoreError(error)
  if (code === undefined) return error
  const state = sqlStateOf(error) ?? field(error, 'code')
  const reason = explainConnection(error)
  const message = `${doing}${state === undefined ? '' : ` (${state})`}${reason === undefined ? '' : `: ${reason}`}`
  return new GuardianError(code, message, { cause: error })
}

const BREAKS: readonly (ErrorCode | undefined)[] = [
  'GRD_STORE_UNAVAILABLE',
  'GRD_STORE_TIMEOUT',
  'GRD_COMMIT_UNKNOWN',
  undefined, // a mistake in our own code: nobody knows what it left under way
]

/** Whether a connection may not be used again after this error: it is lost, or an answer may still be on its way. */
export const breaksConnection = (error: unknown): boolean => BREAKS.includes(classifyStoreError(error))
