import { z } from 'zod'
import { Anomaly, AnomalyList, anomalyListQuery, AnomalyParams, AnomalyStreamQuery } from './anomalies.js'
import { Health, Liveness, Readiness } from './health.js'
import { bare, json, type Answer, type Operation } from './operation.js'
import { accessOperations } from './operations/access.js'
import { backTestOperations } from './operations/backtests.js'
import { ruleOperations } from './operations/rules.js'
import { figureOperations } from './operations/figures.js'
import { quarantineOperations } from './operations/quarantine.js'
import { collectorOperations } from './operations/collector.js'
import { alertOperations } from './operations/alerts.js'
import { sessionOperations } from './operations/sessions.js'
import { deadLetterOperations } from './operations/dead-letters.js'
import { jobOperations } from './operations/jobs.js'
import { reconciliationOperations } from './operations/reconciliations.js'
import { reviewOperations } from './operations/review.js'
import { Slo, SloQuery } from './slo.js'
import { Stats } from './stats.js'

export type { Answer, InputOf, Operation } from './operation.js'

const page = (description: string, contentType: Answer['contentType'] = 'text/html') => ({
  200: { description, contentType },
})

export interface OperationLimits {
  /** How many rows a page of a list may have. */
  readonly pageLimitMax: number
  /** How many events one request may bring. */
  readonly eventsPerRequestMax: number
  /** How many records one export of the audit log may have. */
  readonly auditExportMax: number
}

const open = { ...bare, access: 'open' } as const

const service = {
  getHealth: {
    ...open,
    path: '/health',
    tag: 'service',
    summary: 'How the process and its dependencies are; answers 200 as long as the process works',
    answers: { 200: json('The state of each dependency', Health) },
  },
  getLiveness: {
    ...open,
    path: '/livez',
    tag: 'service',
    summary: 'Whether the process runs; asks nobody else',
    answers: { 200: json('It runs', Liveness) },
  },
  getReadiness: {
    ...open,
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
    access: 'viewer',
    summary: 'What was counted, per partition and in total, and the anomalies of the last 24 hours',
    answers: { 200: json('The numbers', Stats) },
    problems: ['DEPENDENCY_UNAVAILABLE'],
  },
  getSlo: {
    ...bare,
    path: '/slo',
    tag: 'detection',
    access: 'viewer',
    lane: 'reports',
    summary: 'How long it takes from an event to its anomaly, stage by stage, and what is left of the error budget',
    query: SloQuery,
    answers: { 200: json('The report', Slo) },
    problems: ['DEPENDENCY_UNAVAILABLE'],
  },
  getAnomaly: {
    ...bare,
    path: '/anomalies/{id}',
    tag: 'detection',
    access: 'viewer',
    summary: 'One anomaly with its evidence',
    params: AnomalyParams,
    answers: { 200: json('The anomaly', Anomaly) },
    problems: ['ANOMALY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Before `/anomalies/{id}`: the router takes the first that fits. */
const live = {
  streamAnomalies: {
    ...bare,
    path: '/anomalies/stream',
    tag: 'detection',
    access: 'viewer',
    lane: 'stream',
    summary: 'Changes of anomalies, verdicts and the allowlist as they come (server-sent events)',
    query: AnomalyStreamQuery,
    answers: {
      200: {
        description:
          'Events `anomaly`, `verdict` and `allowlist` (with the newest anomalies that an entry covers), each with an id to go on from',
        contentType: 'text/event-stream',
      },
    },
    problems: ['STREAM_POSITION_GONE', 'DEPENDENCY_UNAVAILABLE'],
  },
} as const satisfies Readonly<Record<string, Operation>>

const documentation = {
  getIndex: { ...open, path: '/', tag: 'documentation', summary: 'What is where', answers: page('A page of links') },
  getOpenApi: {
    ...open,
    path: '/openapi.json',
    tag: 'documentation',
    summary: 'This contract as an OpenAPI 3.1 document',
    answers: { 200: json('The document', z.record(z.string(), z.unknown())) },
  },
  getDocs: { ...open, path: '/docs', tag: 'documentation', summary: 'The contract to try', answers: page('A page') },
  getDocsStyle: {
    ...open,
    path: '/docs/swagger-ui.css',
    tag: 'documentation',
    summary: 'Style of /docs',
    answers: page('A style sheet', 'text/css'),
  },
  getDocsBundle: {
    ...open,
    path: '/docs/swagger-ui-bundle.js',
    tag: 'documentation',
    summary: 'Script of /docs',
    answers: page('A script', 'text/javascript'),
  },
  getRunbook: {
    ...open,
    path: '/docs/runbook',
    tag: 'documentation',
    summary: 'What to do about each kind of alert',
    answers: page('A page with a section for each source of alerts'),
  },
  getDocsStart: {
    ...open,
    path: '/docs/start.js',
    tag: 'documentation',
    summary: 'Opens the document in /docs',
    answers: page('A script', 'text/javascript'),
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Every operation of the API by its name. The router and the OpenAPI document are both made from it. */
export const createOperations = ({ pageLimitMax, eventsPerRequestMax, auditExportMax }: OperationLimits) =>
  ({
    ...live,
    ...documentation,
    ...service,
    ...detection,
    ...ruleOperations,
    ...backTestOperations(pageLimitMax),
    ...accessOperations(pageLimitMax, auditExportMax),
    ...figureOperations,
    ...quarantineOperations(pageLimitMax),
    ...alertOperations(pageLimitMax),
    ...jobOperations,
    ...deadLetterOperations(pageLimitMax),
    ...reviewOperations(pageLimitMax),
    ...reconciliationOperations(pageLimitMax),
    ...collectorOperations(eventsPerRequestMax),
    ...sessionOperations(pageLimitMax),
    listAnomalies: {
      ...bare,
      path: '/anomalies',
      tag: 'detection',
      access: 'viewer',
      summary: 'Anomalies, newest window first',
      query: anomalyListQuery(pageLimitMax),
      answers: { 200: json('One page', AnomalyList) },
      problems: ['TOPIC_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

export type Operations = ReturnType<typeof createOperations>
export type OperationName = keyof Operations
