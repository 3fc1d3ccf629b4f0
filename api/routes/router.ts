import { Router, type Request, type RequestHandler, type Response } from 'express'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { isRepeatable, isTagged } from '../../schemas/rest/openapi.js'
import type { InputOf, Operation } from '../../schemas/rest/operation.js'
import { actorNameOf, type Principal } from '../access/principal.js'
import { addressOf, type Guard } from '../middleware/guard.js'
import type { Admit } from '../middleware/admit.js'
import { crossOrigin } from '../middleware/cross-origin.js'
import { readJson, refuseAnyBody, requireJson } from '../middleware/refuse-body.js'
import { withDeadline } from '../../platform/resilience/deadline.js'
import { ProblemError, tooLate } from '../problem-error.js'
import { faultsOf } from '../faults.js'
import { parseQuery } from '../query-string.js'
import { allowsChange } from '../etag.js'
import { idempotencyKeyOf, once, requestDigest, type IdempotencyStore } from '../idempotency.js'
import type { LastGoodAnswers } from '../last-good-answers.js'
import type { RememberedTags } from '../remembered-tags.js'
import { contextOf } from '../request-context.js'
import { sendLastGood, sendRemembered, sendReply, type Reply } from './send-reply.js'

export type { Reply } from './send-reply.js'

export interface HandlerContext {
  readonly requestId: string
  readonly idempotencyKey: string | undefined
  /** Of the caller, behind the proxies of API_TRUSTED_PROXIES. */
  readonly address: string
  /** The other end of the connection. */
  readonly peer: string | undefined
  /** A header of the request by its name, in any case. */
  readonly header: (name: string) => string | undefined
  readonly userAgent: string | undefined
  /** Who calls; undefined for an operation that is open. */
  readonly principal: Principal | undefined
  /** Where a client of a stream was. */
  readonly lastEventId: string | undefined
  /** Whether the caller may still do it, for an answer that goes on. @throws when nobody can tell */
  readonly stillMay: () => Promise<boolean>
  /** For a read of many parts, between two of them. @throws ProblemError when nobody waits for the answer any more */
  readonly requireCaller: () => void
  /** The version that a change is for; always there for an operation that needs it. */
  readonly ifMatch: string | undefined
}

/** Holds what is to be changed against the version that the caller has seen. @throws ProblemError PRECONDITION_FAILED */
export function requireMatch({ ifMatch }: HandlerContext, etag: string): void {
  if (ifMatch !== undefined && allowsChange(ifMatch, etag)) return
  throw new ProblemError('PRECONDITION_FAILED', 'read it again, and change what you then see')
}

/** The caller of an operation that is not open. */
export function callerOf({ principal }: HandlerContext): Principal {
  if (principal === undefined) throw new Error('an operation that is open has no caller')
  return principal
}

/** Who the audit log says made a change. */
export const changeBy = (context: HandlerContext): ChangeBy => {
  const caller = callerOf(context)
  const { requestId, idempotencyKey } = context
  return { actor: caller.keyId, actorName: actorNameOf(caller), requestId, idempotencyKey }
}

/** Answers one operation. Its input has been checked. @throws ProblemError, or anything: it is answered as a problem */
export type Handler<Op extends Operation> = (input: InputOf<Op>, context: HandlerContext) => Reply | Promise<Reply>

/** A handler for each operation: the compiler finds the one that is missing. */
export type Handlers<Table extends Readonly<Record<string, Operation>>> = {
  readonly [Name in keyof Table]: Handler<Table[Name]>
}

type AnyHandler = (input: never, context: HandlerContext) => Reply | Promise<Reply>

export interface RouterDeps {
  readonly admit: Admit
  readonly guard: Guard
  /** Of a JSON body, also after it was decompressed. */
  readonly bodyLimitBytes: number
  readonly tags: RememberedTags
  readonly lastGood: LastGoodAnswers
  readonly idempotency: IdempotencyStore
  /** Whose pages may call what is open to other origins. */
  readonly origins: readonly string[]
  /** How long a request may be at work: longer than each thing that it waits for. An answer that goes on has begun by then. */
  readonly requestTimeoutMs: number
}

/**
 * The router of a table of operations: checks who calls and what comes in, calls the handler, sends the reply. A path
 * that exists answers other methods with 405.
 */
export function createRouter<Table extends Readonly<Record<string, Operation>>>(
  operations: Table,
  handlers: Handlers<Table>,
  deps: RouterDeps,
): Router {
  const { admit, guard, bodyLimitBytes, origins } = deps
  const router = Router({ strict: true, caseSensitive: true })
  const parseJson = readJson(bodyLimitBytes)
  const methods = new Map<string, string[]>()
  for (const name of Object.keys(operations)) {
    const operation = operations[name]
    if (operation === undefined) continue
    const path = expressPath(operation)
    const label: RequestHandler = (_request, response, next) => {
      contextOf(response).route = operation.path
      next()
    }
    if (operation.isCrossOrigin === true)
      router.all(path, label, crossOrigin(origins, [operation.method.toUpperCase()]))
    const body = operation.body === undefined ? [refuseAnyBody] : [requireJson, parseJson]
    router[operation.method](
      path,
      label,
      admit(operation),
      guard(operation),
      ...body,
      answer(operation, handlers[name] as AnyHandler, deps),
    )
    methods.set(operation.path, [...(methods.get(operation.path) ?? []), operation.method.toUpperCase()])
  }
  for (const [path, allowed] of methods) router.all(expressPath({ path }), refuseMethod(path, allowed))
  return router
}

const expressPath = ({ path }: Pick<Operation, 'path'>): string => path.replace(/\{(\w+)\}/g, ':$1')

function refuseMethod(path: string, allowed: readonly string[]): RequestHandler {
  const allow = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed
  return (_request, response, next) => {
    contextOf(response).route = path
    next(new ProblemError('METHOD_NOT_ALLOWED', `use ${allow.join(', ')}`, { headers: { allow: allow.join(', ') } }))
  }
}

function answer(operation: Operation, handle: AnyHandler, deps: RouterDeps): RequestHandler {
  const { tags, lastGood, idempotency, requestTimeoutMs } = deps
  return async (request: Request, response: Response) => {
    if (response.closed) return // who went away while it was found out who calls, or while the body came
    if (isTagged(operation) && sendRemembered(request, response, tags)) return
    const begun = tags.begin()
    const late = () => tooLate(request.method, requestTimeoutMs)
    const input = checkedInput(operation, request)
    const { requestId, principal, guardedMs = 0, stillMay = () => Promise.resolve(true) } = contextOf(response)
    const idempotencyKey = isRepeatable(operation) ? idempotencyKeyOf(request) : undefined
    const context = {
      requestId,
      idempotencyKey,
      address: addressOf(request),
      peer: request.socket.remoteAddress,
      header: (name: string) => request.get(name),
      userAgent: request.headers['user-agent'],
      principal,
      ifMatch: matchOf(operation, request),
      lastEventId: request.get('last-event-id'),
      stillMay,
      requireCaller: () => {
        if (response.closed) throw late()
      },
    }
    const handled = async () => handle(input as never, context)
    const work = async () => {
      try {
        if (idempotencyKey === undefined || principal === undefined) return await handled()
        const repeatable = { keyId: principal.keyId, idempotencyKey, digest: requestDigest(request) }
        return await once(idempotency, repeatable, operation.isSecret === true, handled)
      } finally {
        if (operation.method !== 'get') tags.clear()
      }
    }
    try {
      const leftMs = Math.max(1, requestTimeoutMs - guardedMs)
      const reply = await withDeadline(() => (contextOf(response).work = work()), leftMs, late)
      await sendReply(operation, reply, request, response, { tags, lastGood }, begun)
    } catch (error) {
      if (!(await sendLastGood(operation, error, request, response, lastGood))) throw error
    }
  }
}

function matchOf(operation: Operation, request: Request): string | undefined {
  const given = request.headers['if-match']
  if (given === undefined && operation.needsMatch === true)
    throw new ProblemError('PRECONDITION_REQUIRED', 'send the ETag of what you have read as If-Match')
  return given
}

function checkedInput(operation: Operation, request: Request): InputOf<Operation> {
  const params = operation.params.safeParse(request.params)
  const query = operation.query.safeParse(parseQuery(request.url))
  const body = operation.body?.safeParse(request.body)
  const errors = [
    ...faultsOf('params', params.error?.issues),
    ...faultsOf('query', query.error?.issues),
    ...faultsOf('body', body?.error?.issues),
  ]
  if (errors.length > 0) {
    const detail = `${errors.length} ${errors.length === 1 ? 'fault' : 'faults'}: ${errors.map(({ path }) => path).join(', ')}`
    throw new ProblemError('BAD_REQUEST', detail.slice(0, 500), { errors })
  }
  return { params: params.data, query: query.data, body: body?.data as undefined }
}
