import { z } from 'zod'
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'
import type { Operation } from './operations.js'
import { IDEMPOTENCY_KEY } from './parameters.js'
import { PROBLEMS, Problem, type ProblemCode } from './problem.js'

/** What any operation can answer. */
const ALWAYS: readonly ProblemCode[] = [
  'BAD_REQUEST',
  'MALFORMED_URL',
  'MALFORMED_REQUEST',
  'REQUEST_TIMEOUT',
  'HEADERS_TOO_LARGE',
  'BODY_TOO_LARGE',
  'BODY_NOT_SUPPORTED',
  'INTERNAL',
]

/** What a POST by a known caller can answer besides: it may be repeated under its Idempotency-Key. */
const REPEATABLE: readonly ProblemCode[] = [
  'IDEMPOTENCY_IN_FLIGHT',
  'IDEMPOTENCY_ANSWER_LOST',
  'IDEMPOTENCY_SPENT',
  'IDEMPOTENCY_MISMATCH',
]
const MATCHED: readonly ProblemCode[] = ['PRECONDITION_FAILED', 'PRECONDITION_REQUIRED']

/** What an operation that is not open can answer besides. */
const GUARDED: readonly ProblemCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'CROSS_SITE', 'RATE_LIMITED']

/**
 * The OpenAPI 3.1 document of the operations, from the schemas that check the requests.
 * @param version of this release
 */
export function openApiDocument(operations: Readonly<Record<string, Operation>>, version: string) {
  const paths: ZodOpenApiPathsObject = {}
  for (const [operationId, operation] of Object.entries(operations))
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operationId, operation) }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Clickstream Guardian',
      version,
      description: 'Abnormal sessions of a clickstream. Times are UTC; spans are [from, to).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-guardian',
          description: 'A log-in; see `POST /session`',
        },
      },
    },
    paths,
  })
}

function describe(operationId: string, operation: Operation): ZodOpenApiOperationObject {
  const { params, query, body, documentedBody = body } = operation
  return {
    operationId,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.access === 'open'
      ? { security: [] }
      : {
          security: [{ key: [] }, { session: [] }],
          description: callers(operation.access),
        }),
    requestParams: { path: params as z.ZodObject, query: query as z.ZodObject, header: headersOf(operation) },
    ...(documentedBody === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: documentedBody } } } }),
    responses: {
      ...problemAnswers(operation),
      ...answers(operation),
      ...(isTagged(operation) ? { 304: { description: 'What `If-None-Match` names is what there is' } } : {}),
    },
  }
}

const callers = (access: Operation['access']): string =>
  access === 'collector' ? 'For the roles collector, operator and admin.' : `For the role ${access} and those above it.`

function answers(operation: Operation) {
  return Object.fromEntries(
    Object.entries(operation.answers).map(([status, { description, contentType, schema }]) => [
      status,
      {
        description,
        ...(status === '200' && mayBeStale(operation) ? { headers: STALE_HEADERS } : {}),
        content: { [contentType]: schema === undefined ? { schema: { type: 'string' as const } } : { schema } },
      },
    ]),
  )
}

/** Whether a request may carry an Idempotency-Key. */
export const isRepeatable = ({ method, access, isRepeatable: may = true }: Operation): boolean =>
  may && method === 'post' && access !== 'open'

/** Whether answers carry a strong tag of their content. */
export const isTagged = ({ method, tag, answers: { 200: answer } }: Operation): boolean =>
  method === 'get' && tag !== 'service' && answer?.contentType === 'application/json'

const STALE_TAGS: readonly Operation['tag'][] = ['detection', 'figures', 'rules', 'alerts', 'review']

/** Whether a caller may be given the last good answer while the database is away. What tells who may do what is always fresh. */
export const mayBeStale = (operation: Operation): boolean =>
  isTagged(operation) && operation.access !== 'open' && STALE_TAGS.includes(operation.tag)

const STALE_HEADERS = z.object({
  age: z.string().optional().meta({ description: 'Seconds: only of a last good answer, while the database is away' }),
  warning: z.string().optional().meta({ description: '`111 - "Revalidation Failed"`, with `age`' }),
})

function headersOf(operation: Operation): z.ZodObject {
  const text = z.string().optional()
  return z.object({
    ...(isTagged(operation)
      ? { 'if-none-match': text.meta({ description: 'The ETag of an earlier answer: 304 while it is the same' }) }
      : {}),
    ...(mayBeStale(operation)
      ? {
          'cache-control': text.meta({
            description:
              '`stale-if-error=<seconds>` or `max-stale=<seconds>`: the last good answer will do when the database does not answer',
          }),
        }
      : {}),
    ...(operation.needsMatch === true
      ? { 'if-match': z.string().meta({ description: 'The ETag of the version that is to be changed' }) }
      : {}),
    ...(isRepeatable(operation)
      ? {
          'idempotency-key': z.string().regex(IDEMPOTENCY_KEY).optional().meta({
            description: 'The same request under it is done once, and answered the same',
          }),
        }
      : {}),
  })
}

function problemAnswers(operation: Operation) {
  const byStatus = new Map<number, ProblemCode[]>()
  const isAlwaysAnswered = operation.tag === 'service' || operation.tag === 'documentation'
  const admitted: readonly ProblemCode[] = isAlwaysAnswered ? [] : ['OVERLOADED', 'ANSWER_TOO_LATE']
  const changes: readonly ProblemCode[] = operation.method === 'get' ? [] : ['OUTCOME_UNKNOWN']
  const guarded = operation.access === 'open' ? [] : GUARDED
  const repeated = isRepeatable(operation) ? REPEATABLE : []
  const matched = operation.needsMatch === true ? MATCHED : []
  const possible = [...ALWAYS, ...admitted, ...guarded, ...repeated, ...matched, ...changes, ...operation.problems]
  for (const code of new Set(possible))
    byStatus.set(PROBLEMS[code].status, [...(byStatus.get(PROBLEMS[code].status) ?? []), code])
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      { description: codes.join(', '), content: { 'application/problem+json': { schema: Problem } } },
    ]),
  )
}
