import { z } from 'zod'
import type { Access } from '../../domain/access/roles.js'
import type { ProblemCode } from './problem.js'

/** Which requests share a bounded number of places, so that one kind cannot starve another. */
export type Lane = 'interactive' | 'reports' | 'collector' | 'stream'

export interface Answer {
  readonly description: string
  readonly contentType:
    'application/json' | 'text/html' | 'text/css' | 'text/javascript' | 'text/event-stream' | 'application/x-ndjson'
  /** Of a JSON answer. */
  readonly schema?: z.ZodType
}

/** One method on one path: all that the router, the document and the checks of access need to know about it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With parameters as `{name}`. It is also the metric label. */
  readonly path: string
  readonly tag:
    | 'service'
    | 'detection'
    | 'documentation'
    | 'access'
    | 'rules'
    | 'figures'
    | 'alerts'
    | 'review'
    | 'collector'
    | 'jobs'
  readonly summary: string
  /** `interactive` without it. Service and documentation are in none: they always answer. */
  readonly lane?: Lane
  /** Who may call it: `open` needs no key; else the lowest role that may. There is no default. */
  readonly access: Access
  readonly params: z.ZodType
  readonly query: z.ZodType
  /** Absent: a body is refused. */
  readonly body?: z.ZodType
  /** What the document says of the body, where its parts are checked by the handler. */
  readonly documentedBody?: z.ZodType
  readonly answers: Readonly<Record<number, Answer>>
  /** The answer holds a secret that is shown once: it is not stored for a repeated request. */
  readonly isSecret?: boolean
  /** Of a POST: whether an Idempotency-Key makes it repeatable. @default true */
  readonly isRepeatable?: boolean
  /** Pages of the listed origins may call it. */
  readonly isCrossOrigin?: boolean
  /** A change that has to say, with `If-Match`, which version it is for. */
  readonly needsMatch?: boolean
  /** What it can answer besides what any operation can. */
  readonly problems: readonly ProblemCode[]
}

export const none = z.strictObject({})

/** An answer of JSON. */
export const json = (description: string, schema: z.ZodType): Answer => ({
  description,
  contentType: 'application/json',
  schema,
})

/** An operation with nothing in path, query and body. Who may call it has to be said. */
export const bare = { method: 'get', params: none, query: none, problems: [] } as const

/** What a handler of the operation gets: parameters that have been checked. */
export interface InputOf<Op extends Operation> {
  readonly params: z.output<Op['params']>
  readonly query: z.output<Op['query']>
  readonly body: Op['body'] extends z.ZodType ? z.output<Op['body']> : undefined
}
