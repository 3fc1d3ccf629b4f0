import { monotonicMs } from '../../platform/clock.js'
import { UTC } from '../../domain/shop-day.js'
import assert from 'node:assert/strict'
import { pino } from 'pino'
import { createApi, type ApiDeps } from '../../api/api.js'
import { createApp } from '../../api/app.js'
import type { Principal } from '../../api/access/principal.js'
import { serveHttp } from '../../api/http-server.js'
import type { Guard } from '../../api/middleware/guard.js'
import type { IdempotencyStore } from '../../api/idempotency.js'
import { LastGoodAnswers } from '../../api/last-good-answers.js'
import { ProblemError } from '../../api/problem-error.js'
import { RememberedTags } from '../../api/remembered-tags.js'
import { contextOf } from '../../api/request-context.js'
import type { Handlers } from '../../api/routes/router.js'
import { Registry } from '../../platform/metrics.js'
import { createOperations, type Operation, type OperationName } from '../../schemas/rest/operations.js'
import { PROBLEMS, Problem } from '../../schemas/rest/problem.js'

const ANYWHERE = { host: '127.0.0.1', port: 0, maxConnections: 1_000 }

export const operations = createOperations({ pageLimitMax: 100, eventsPerRequestMax: 100, auditExportMax: 1_000 })

export interface ServedApi {
  /** http://127.0.0.1:port */
  readonly url: string
  readonly port: number
  readonly registry: Registry
  /** The lines logged so far, as they were written. */
  readonly logLines: string[]
  readonly stop: () => Promise<void>
}

const TEST_ADMIN: Principal = { keyId: 'key_0', name: 'test', user: null, role: 'admin', requestsPerMinute: null }

/** Lets everybody do everything, for tests that are about something else. */
const letIn: Guard = (operation) => (_request, response, next) => {
  if (operation.access !== 'open') contextOf(response).principal = TEST_ADMIN
  next()
}

/** Repetitions are answered as if each was the first. */
const forgetful: IdempotencyStore = {
  claim: () => Promise.resolve({ kind: 'claimed' }),
  complete: () => Promise.resolve(),
  release: () => Promise.resolve(),
}

const notGiven = () => Promise.reject(new Error('not given by the test'))

function observed() {
  const logLines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void logLines.push(line) })
  return { log, logLines, registry: new Registry() }
}

/** Serves the API on a free port. What a test does not give answers that nothing is there. */
export async function serveApi(deps: Partial<ApiDeps> = {}): Promise<ServedApi> {
  const { log, logLines, registry } = observed()
  const app = createApi(operations, {
    log,
    registry,
    bodyLimitBytes: 10_000,
    requestTimeoutMs: 30_000,
    admit: () => (_request, _response, next) => next(),
    guard: letIn,
    tags: new RememberedTags(monotonicMs, 0, 100),
    lastGood: new LastGoodAnswers({ maxBytes: 1_000_000, maxAgeMs: 60_000 }, monotonicMs, registry),
    idempotency: forgetful,
    trustedProxies: 0,
    users: {
      list: () => Promise.resolve([]),
      get: () => Promise.resolve(undefined),
      create: notGiven,
      change: () => Promise.resolve(undefined),
    },
    forgetUser: () => undefined,
    keys: {
      list: () => Promise.resolve([]),
      get: () => Promise.resolve(undefined),
      create: notGiven,
      rotate: () => Promise.resolve(undefined),
      revoke: () => Promise.resolve(undefined),
    },
    forgetKey: () => undefined,
    authenticator: { byKey: () => Promise.resolve({ kind: 'refused', reason: 'unknown' }) },
    sessions: { create: notGiven, end: notGiven },
    denials: { add: () => undefined },
    refuse: () => new ProblemError('UNAUTHENTICATED', 'no'),
    sessionSeconds: 60,
    readStageTimes: () =>
      Promise.resolve({
        samples: 0,
        backdated: 0,
        slow: 0,
        producedToKafka: null,
        kafkaToDetected: null,
        detectedToWritten: null,
        endToEnd: null,
      }),
    objective: { targetMs: 1_000, percent: 99 },
    rules: {
      list: () => Promise.resolve([]),
      get: () => Promise.resolve(undefined),
      createDraft: notGiven,
      editDraft: () => Promise.resolve(undefined),
      setState: () => Promise.resolve(undefined),
    },
    backTests: { list: () => Promise.resolve([]), get: () => Promise.resolve(undefined), start: notGiven },
    backTestMaxDays: 31,
    audit: {
      list: () => Promise.resolve([]),
      verify: () => Promise.resolve({ records: 0, head: null, faults: [] }),
      span: () => Promise.resolve({ after: 0, last: 0 }),
      read: () => (async function* () {})(),
    },
    auditStallMs: 1_000,
    figures: {
      dailyMetrics: () => Promise.resolve([]),
      popularItems: () => Promise.resolve({ day: '2026-10-01', rows: [] }),
      funnel: () => Promise.resolve({ day: '2026-10-01', rows: [] }),
      pipelineRuns: () => Promise.resolve([]),
    },
    timeZone: UTC,
    quarantine: {
      list: () => Promise.resolve([]),
      decide: () => Promise.resolve({ kind: 'not_found' }),
    },
    reconciliations: {
      list: () => Promise.resolve([]),
      get: () => Promise.resolve(undefined),
      differences: () => Promise.resolve([]),
    },
    isStopping: () => false,
    tracing: undefined,
    nowMs: Date.now,
    version: '1.2.3',
    uptimeSeconds: () => 1,
    anomalies: {
      list: () => Promise.resolve({ rows: [], hasMore: false }),
      get: () => Promise.resolve(undefined),
    },
    verdicts: { read: () => Promise.resolve(undefined), give: () => Promise.resolve(undefined) },
    anomalyStream: { open: () => Promise.resolve((out) => void out.end()) },
    jobs: {
      startBackfill: notGiven,
      startDay: notGiven,
      startReplay: notGiven,
      backfill: () => Promise.resolve(undefined),
      day: () => Promise.resolve(undefined),
      replay: () => Promise.resolve(undefined),
      schedules: () => Promise.resolve([]),
      changeSchedule: () => Promise.resolve(undefined),
    },
    dayState: notGiven,
    openLog: () => ({
      offsets: () => Promise.resolve([]),
      offsetsAt: () => Promise.resolve(new Map()),
      read: () => Promise.resolve(),
    }),
    readValue: () => Promise.resolve({ fault: 'not given by the test' }),
    rulesInForce: () => Promise.resolve([]),
    sessionLogRecords: 1_000,
    letterStates: () => Promise.resolve(new Map()),
    allowlist: {
      list: () => Promise.resolve([]),
      get: () => Promise.resolve(undefined),
      add: notGiven,
      end: () => Promise.resolve(undefined),
    },
    allowlistMaxMs: 86_400_000,
    alerts: { list: () => Promise.resolve([]), get: () => Promise.resolve(undefined) },
    silences: { list: () => Promise.resolve([]), create: notGiven, end: () => Promise.resolve(undefined) },
    collector: {
      sink: { encoder: notGiven, send: notGiven },
      maxFutureSkewMs: 300_000,
      allowedLatenessMs: 30_000,
      maxRecordBytes: 10_000,
      notesClient: false,
      clientFrom: { kind: 'peer' },
      traceHeaders: () => undefined,
    },
    origins: [],
    silenceMaxMs: 3_600_000,
    readChannels: () => Promise.resolve([]),
    readStats: () => Promise.resolve({ partitions: [], anomalies: [], dataGaps: 0, misplaced: [] }),
    readProcesses: () => [],
    readCompleteness: () => Promise.resolve({ partitions: [], minutes: [] }),
    completenessMinutes: 10,
    readLag: () => Promise.resolve(new Map()),
    checkDependencies: () => Promise.resolve([]),
    ...deps,
  })
  const { value, stop } = await serveHttp(app, ANYWHERE, registry)
  return { url: `http://127.0.0.1:${value.port}`, port: value.port, registry, logLines, stop }
}

/** Serves a table of operations of the test's own. */
export async function serveOperations<Table extends Readonly<Record<string, Operation>>>(
  table: Table,
  handlers: Handlers<Table>,
  bodyLimitBytes: number,
): Promise<ServedApi> {
  const { log, logLines, registry } = observed()
  const app = createApp(table, handlers, {
    log,
    registry,
    bodyLimitBytes,
    requestTimeoutMs: 30_000,
    admit: () => (_request, _response, next) => next(),
    guard: letIn,
    tags: new RememberedTags(monotonicMs, 0, 100),
    lastGood: new LastGoodAnswers({ maxBytes: 1_000_000, maxAgeMs: 60_000 }, monotonicMs, registry),
    idempotency: forgetful,
    trustedProxies: 0,
    origins: [],
    isStopping: () => false,
    tracing: undefined,
  })
  const { value, stop } = await serveHttp(app, ANYWHERE, registry)
  return { url: `http://127.0.0.1:${value.port}`, port: value.port, registry, logLines, stop }
}

/** Reads an answer and holds it to the contract: the schema of its operation and status, nothing missing, nothing more. */
export async function readAnswer<T>(name: OperationName, response: Response): Promise<T> {
  const operation: Operation = operations[name]
  const answer = operation.answers[response.status]
  const text = await response.text()
  assert.ok(answer, `${name} must not answer ${response.status}: ${text.slice(0, 300)}`)
  assert.equal(response.headers.get('content-type'), `${answer.contentType}; charset=utf-8`)
  assert.ok(answer.schema, `${name} answers no JSON`)
  return answer.schema.parse(JSON.parse(text)) as T
}

/** Reads an answer that must be a problem, whole and consistent with itself. */
export async function readProblem(response: Response): Promise<Problem> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  const problem = Problem.parse(await response.json())
  assert.equal(problem.status, response.status)
  assert.equal(PROBLEMS[problem.code].status, response.status)
  assert.equal(problem.request_id, response.headers.get('x-request-id'))
  return problem
}
