import { z } from 'zod'
import { Anomaly, AnomalyList, anomalyListQuery, AnomalyParams } from './anomalies.js'
import { Health, Liveness, Readiness } from './health.js'
import type { ProblemCode } from './problem.js'
import { Stats } from './stats.js'

export interface Answer {
  readonly description: string
  readonly contentType: 'application/json' | 'text/html' | 'text/css' | 'text/javascript'
  /** Of a JSON answer. */
  readonly schema?: z.ZodType
}

/** One method on one path: all that the router, the document and the checks of access need to know about it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With parameters as `{name}`. It is also the metric label. */
  readonly path: string
  readonly tag: 'service' | 'detection' | 'documentation'
  readonly summary: string
  /** Who may call it: `open` needs no key; `read` is what a viewer may see. */
  readonly access: 'open' | 'read'
  readonly params: z.ZodType
  readonly query: z.ZodType
  /** Absent: a body is refused. */
  readonly body?: z.ZodType
  readonly answers: Readonly<Record<number, Answer>>
  /** What it can answer besides what any operation can. */
  readonly problems: readonly ProblemCode[]
}

const none = z.strictObject({})
const json = (description: string, schema: z.ZodType): Answer => ({
  description,
  contentType: 'application/json',
  schema,
})
const page = (description: string, contentType: Answer['contentType'] = 'text/html') => ({
  200: { description, contentType },
})
const bare = { method: 'get', access: 'open', params: none, query: none, problems: [] } as const

export interface OperationLimits {
  /** How many rows a page of a list may have. */
  readonly pageLimitMax: number
}

const service = {
  getHealth: {
    ...bare,
    path: '/health',
    tag: 'service',
    summary: 'How the process and its dependencies are; answers 200 as long as the process works',
    answers: { 200: json('The state of each dependency', Health) },
  },
  getLiveness: {
    ...bare,
    path: '/livez',
    tag: 'service',
    summary: 'Whether the process runs; asks nobody else',
    answers: { 200: json('It runs', Liveness) },
  },
  getReadiness: {
    ...bare,
    path: '/readyz',
    tag: 'service',
    summary: 'Whether requests can be answered',
    answers: {
      200: json('Ready', Readiness),
      503: json('A required dependency is down, or the process is stopping', Readiness),
    },
  },
} as const satisfies Readonly<Record<string, Operation>>

const detection = {
  getStats: {
    ...bare,
    path: '/stats',
    tag: 'detection',
    access: 'read',
    summary: 'What was counted, per partition and in total, and the anomalies of the last 24 hours',
    answers: { 200: json('The numbers', Stats) },
    problems: ['DEPENDENCY_UNAVAILABLE'],
  },
  getAnomaly: {
    ...bare,
    path: '/anomalies/{id}',
    tag: 'detection',
    access: 'read',
    summary: 'One anomaly with its evidence',
    params: AnomalyParams,
    answers: { 200: json('The anomaly', Anomaly) },
    problems: ['ANOMALY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
  },
} as const satisfies Readonly<Record<string, Operation>>

const documentation = {
  getIndex: { ...bare, path: '/', tag: 'documentation', summary: 'What is where', answers: page('A page of links') },
  getOpenApi: {
    ...bare,
    path: '/openapi.json',
    tag: 'documentation',
    summary: 'This contract as an OpenAPI 3.1 document',
    answers: { 200: json('The document', z.record(z.string(), z.unknown())) },
  },
  getDocs: { ...bare, path: '/docs', tag: 'documentation', summary: 'The contract to try', answers: page('A page') },
  getDocsStyle: {
    ...bare,
    path: '/docs/swagger-ui.css',
    tag: 'documentation',
    summary: 'Style of /docs',
    answers: page('A style sheet', 'text/css'),
  },
  getDocsBundle: {
    ...bare,
    path: '/docs/swagger-ui-bundle.js',
    tag: 'documentation',
    summary: 'Script of /docs',
    answers: page('A script', 'text/javascript'),
  },
  getDocsStart: {
    ...bare,
    path: '/docs/start.js',
    tag: 'documentation',
    summary: 'Opens the document in /docs',
    answers: page('A script', 'text/javascript'),
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Every operation of the API by its name. The router and the OpenAPI document are both made from it. */
export const createOperations = ({ pageLimitMax }: OperationLimits) =>
  ({
    ...documentation,
    ...service,
    ...detection,
    listAnomalies: {
      ...bare,
      path: '/anomalies',
      tag: 'detection',
      access: 'read',
      summary: 'Anomalies, newest window first',
      query: anomalyListQuery(pageLimitMax),
      answers: { 200: json('One page', AnomalyList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

export type Operations = ReturnType<typeof createOperations>
export type OperationName = keyof Operations

/** What a handler of the operation gets: parameters that have been checked. */
export interface InputOf<Op extends Operation> {
  readonly params: z.output<Op['params']>
  readonly query: z.output<Op['query']>
  readonly body: Op['body'] extends z.ZodType ? z.output<Op['body']> : undefined
}
