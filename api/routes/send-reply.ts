import type { Request, Response } from 'express'
import { isTagged, mayBeStale } from '../../schemas/rest/openapi.js'
import type { Operation } from '../../schemas/rest/operation.js'
import type { ProblemCode } from '../../schemas/rest/problem.js'
import { compress, encodingFor } from '../compress.js'
import { encodedTag, etagOf, isKnownTo } from '../etag.js'
import { acceptedAgeMs, type LastGoodAnswers } from '../last-good-answers.js'
import { asProblem } from '../problem-error.js'
import type { RememberedTags } from '../remembered-tags.js'
import { contextOf } from '../request-context.js'

/** What an operation answers. */
export interface Reply {
  /** 200 without it. */
  readonly status?: number
  /** JSON, or the text of a page. */
  readonly body: unknown
  /** Goes on with the answer after its head, instead of a body. */
  readonly stream?: (out: Response) => void
  readonly headers?: Readonly<Record<string, string>>
  /** What the tag is made of, where the body says more than its content: the time at which it was read. */
  readonly version?: unknown
}

/** What depends on who asks, and in which encoding. */
const VARY = 'authorization, cookie, accept-encoding'

/** The tag of a JSON reply. */
export const tagOf = ({ body, version = body }: Reply): string => etagOf(JSON.stringify(version))

/** Answers 304 when the caller has what there was a moment ago. @returns whether it did */
export function sendRemembered(request: Request, response: Response, tags: RememberedTags): boolean {
  const known = request.headers['if-none-match']
  if (known === undefined) return false
  const etag = tags.find(tagKey(request, response))
  if (etag === undefined || !isKnownTo(known, etag)) return false
  sendNotModified(response, etag)
  return true
}

/** One content per address and role: what a role may not see is in no other role's tag. */
const tagKey = (request: Request, response: Response): string =>
  `${contextOf(response).principal?.role ?? 'open'} ${request.originalUrl}`

/** Of one caller alone: what others were answered is not for everybody. */
const lastGoodName = (request: Request, response: Response): string =>
  `${contextOf(response).principal?.keyId ?? ''} ${tagKey(request, response)}`

const PASSING: readonly ProblemCode[] = ['DEPENDENCY_UNAVAILABLE', 'ANSWER_TOO_LATE']

/**
 * Answers with what was the last good answer when the database did not answer and the caller takes it, marked by its age.
 * @returns whether it did
 */
export async function sendLastGood(
  operation: Operation,
  error: unknown,
  request: Request,
  response: Response,
  lastGood: LastGoodAnswers,
): Promise<boolean> {
  const maxAgeMs = acceptedAgeMs(request.headers['cache-control'])
  if (maxAgeMs === undefined || !mayBeStale(operation) || !PASSING.includes(asProblem(error).code)) return false
  const found = lastGood.find(lastGoodName(request, response), maxAgeMs)
  if (found === undefined) return false
  const { answer, ageSeconds } = found
  response.set({ age: String(ageSeconds), warning: '111 - "Revalidation Failed"' })
  if (isKnownTo(request.headers['if-none-match'], answer.etag)) sendNotModified(response, answer.etag)
  else await sendText('application/json', answer.text, answer.etag, request, response.status(200))
  return true
}

/** Sends a reply: with its tag when it is content, compressed when that pays. */
export async function sendReply(
  operation: Operation,
  reply: Reply,
  request: Request,
  response: Response,
  { tags, lastGood }: { readonly tags: RememberedTags; readonly lastGood: LastGoodAnswers },
  begun: ReturnType<RememberedTags['begin']>,
): Promise<void> {
  const { status = 200, body, headers = {} } = reply
  const contentType = operation.answers[status]?.contentType ?? 'application/json'
  if (reply.stream !== undefined) {
    sendStream(reply.stream, contentType, request, response)
    return
  }
  const text = contentType === 'application/json' ? JSON.stringify(body) : String(body)
  const isContent = status === 200 && isTagged(operation)
  const etag = isContent ? (reply.version === undefined ? etagOf(text) : tagOf(reply)) : undefined
  if (etag !== undefined) {
    tags.keep(tagKey(request, response), etag, begun)
    if (mayBeStale(operation)) lastGood.keep(lastGoodName(request, response), { text, etag, readMs: begun.sinceMs })
    if (isKnownTo(request.headers['if-none-match'], etag)) {
      sendNotModified(response, etag)
      return
    }
  }
  const tag = etag ?? (typeof headers['etag'] === 'string' ? headers['etag'] : undefined)
  await sendText(contentType, text, tag, request, response.status(status).set(headers))
}

async function sendText(
  contentType: string,
  text: string,
  tag: string | undefined,
  request: Request,
  response: Response,
): Promise<void> {
  response.vary(VARY).setHeader('content-type', `${contentType}; charset=utf-8`)
  const length = Buffer.byteLength(text)
  const encoding = encodingFor(request.headers['accept-encoding'], length)
  if (tag !== undefined) response.set('etag', encoding === undefined ? tag : encodedTag(tag, encoding))
  // A text goes to the socket in one piece with its head.
  if (encoding === undefined) response.setHeader('content-length', length).end(text)
  else response.set('content-encoding', encoding).send(await compress(Buffer.from(text), encoding))
}

function sendStream(begin: (out: Response) => void, contentType: string, request: Request, response: Response): void {
  // Proxies would hold it back until it ends.
  response.status(200).type(contentType).set('x-accel-buffering', 'no').vary(VARY)
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  response.flushHeaders()
  begin(response)
}

const sendNotModified = (response: Response, etag: string): void =>
  void response.status(304).vary(VARY).set('etag', etag).end()
