import { Agent } from 'node:http'
import { apiConfig } from '../../../api/api-config.js'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { openApiDocument } from '../../../schemas/rest/openapi.js'
import { createOperations, type Operation } from '../../../schemas/rest/operations.js'
import { ADMIN_KEY, asAdmin } from '../../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'
import {
  hostileRequest,
  seededRandom,
  send,
  type HostileRequest,
  type Received,
} from '../../support/hostile-requests.js'
import { testStack } from '../../support/stack.js'
import { createMigratedDatabase } from '../../support/test-pool.js'
import { hostileBody, type BodySchema, type Schemas } from '../http/hostile-bodies.js'
import { RAW_REQUESTS, sendRaw } from '../http/raw-requests.js'
import type { Row, RowSettings } from '../row.js'

const FULL = 60_000
const QUICK = 6_000
const DEADLINE_MS = 2_000
const AT_ONCE = 12
/** What may be said when a server is away that no request of this row has: Kafka, Temporal. */
const DELIBERATE: readonly string[] = ['DEPENDENCY_UNAVAILABLE', 'OVERLOADED']
/** Words of the inside: a stack, SQL, a driver, a file. */
const INSIDE = /\bat \S+ \(|node_modules|\.js:\d|\bSELECT\b|syntax error|relation "|pg_|ECONN|GRD_|drizzle/
/** How much larger the process may be at the end than after a third of the requests: what V8 leaves for later. */
const GROWTH = 1.25
const SLACK_MB = 64
const MAX_KEPT_FINDINGS = 20
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

interface Seen {
  readonly findings: string[]
  readonly statuses: Map<string, number>
  findingsCount: number
}

/** Every operation by its method, once; each path also with the methods that it does not have. */
function requestsOver(operations: readonly Operation[], random: () => number): () => HostileRequest {
  const { paths = {}, components } = openApiDocument(
    Object.fromEntries(operations.map((one, n) => [`o${n}`, one])),
    '0',
  )
  const schemas = (components?.schemas ?? {}) as Schemas
  const allPaths = [...new Set(operations.map(({ path }) => path)), '/nope']
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const withBody = (operation: Operation): HostileRequest => {
    const described = (paths[operation.path] as Record<string, { requestBody?: { content: Record<string, { schema: BodySchema }> } }>)[operation.method] // prettier-ignore
    const schema = described?.requestBody?.content['application/json']?.schema ?? {}
    const body =
      operation.body === undefined ? '' : JSON.stringify(hostileBody(random, schema, schemas, pick([0, 0.05, 0.3])))
    const method = random() < 0.1 ? pick(METHODS) : operation.method
    const { path } = hostileRequest(random, [operation.path])
    const target =
      random() < 0.5 ? operation.path.replace(/\{\w+\}/g, () => pick(['1', 'HIGH_FREQUENCY', 's1', 'x'])) : path
    const match: Record<string, string> = random() < 0.5 ? { 'if-match': pick(['*', '"x"', 'W/"x"', '']) } : {}
    const headers = { ...match, ...(body === '' ? {} : { 'content-type': 'application/json' }) }
    return { method: method.toUpperCase(), path: target, headers, body }
  }
  return () => (random() < 0.5 ? hostileRequest(random, allPaths) : withBody(pick(operations)))
}

function judge(request: HostileRequest, { status, headers, body }: Received): string | undefined {
  const what = `${status} to ${JSON.stringify(request).slice(0, 400)}: ${body.slice(0, 200)}`
  const isProblem = headers['content-type'] === 'application/problem+json; charset=utf-8'
  const code = isProblem && body !== '' ? (JSON.parse(body) as { code: string }).code : ''
  if (
    status >= 500 &&
    request.method !== 'HEAD' &&
    !(DELIBERATE.includes(code) && headers['retry-after'] !== undefined)
  )
    return what
  if (status === 500) return what
  const isPage = /^\/(docs|openapi|$|\?)/.test(request.path)
  if (!isPage && INSIDE.test(body)) return `tells of the inside: ${what}`
  if (headers['x-request-id'] === undefined) return `without an id: ${what}`
  if (status >= 400 && request.method !== 'HEAD' && !isProblem) return `no problem: ${what}`
  return undefined
}

async function storm(port: number, requests: () => HostileRequest, count: number, seen: Seen): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  let left = count
  const find = (what: string) => {
    seen.findingsCount += 1
    if (seen.findings.length < MAX_KEPT_FINDINGS) seen.findings.push(what)
  }
  const worker = async () => {
    while (left-- > 0) {
      const request = requests()
      const headers = left % 10 === 0 ? request.headers : { ...asAdmin, ...request.headers }
      try {
        const answer = await sendTwice(port, { ...request, headers }, agent)
        seen.statuses.set(String(answer.status), (seen.statuses.get(String(answer.status)) ?? 0) + 1)
        const found = judge(request, answer)
        if (found !== undefined) find(found)
      } catch (error) {
        find(`no answer to ${JSON.stringify(request).slice(0, 400)}: ${String(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  agent.destroy()
}

/** A kept connection may be closed by the server in the moment in which it is used again: that is no refusal. */
const sendTwice = (port: number, request: HostileRequest, agent: Agent): Promise<Received> =>
  send(port, request, DEADLINE_MS, agent).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET' || code === 'EPIPE') return send(port, request, DEADLINE_MS)
    throw error
  })

/** The answers in what came back over one connection, each from its status line on. */
const answersOf = (text: string): string[] => text.split(/(?=^HTTP\/1\.1 \d{3} )/m).filter((answer) => answer !== '')

/** An answer of the API and not of what carries it: with an id, and a refusal with a problem; `100 Continue` is none yet. */
const isAnswerOfOurs = (answer: string): boolean =>
  /^HTTP\/1\.1 100 /.test(answer) ||
  (/^HTTP\/1\.1 ([1-4]|503)/.test(answer) &&
    /^x-request-id: /im.test(answer) &&
    (/^HTTP\/1\.1 [123]/.test(answer) || /^content-type: application\/problem\+json/im.test(answer)))

async function rawStorm(port: number, rounds: number, seen: Seen): Promise<number> {
  let sent = 0
  for (let round = 0; round < rounds; round++)
    await Promise.all(
      RAW_REQUESTS.map(async (bytes) => {
        sent += 1
        const text = await sendRaw(port, bytes, DEADLINE_MS).catch((error: unknown) => String(error))
        if (!text.startsWith('Error') && !INSIDE.test(text) && answersOf(text).every(isAnswerOfOurs)) return
        seen.findingsCount += 1
        if (seen.findings.length < MAX_KEPT_FINDINGS)
          seen.findings.push(`${JSON.stringify(bytes.slice(0, 80))}: ${text.slice(0, 200)}`)
      }),
    )
  return sent
}

async function openApi() {
  await testStack('postgres')
  const database = await createMigratedDatabase('hostile requests')
  const [port = 0, metricsPort = 0] = await findFreePorts(2)
  const nobody = '127.0.0.1:1'
  const env = {
    GUARDIAN_ADMIN_KEY: ADMIN_KEY,
    PORT: String(port),
    API_METRICS_PORT: String(metricsPort),
    DATABASE_URL: database.url,
    KAFKA_BROKERS: nobody,
    SCHEMA_REGISTRY_URL: `http://${nobody}`,
    TEMPORAL_ADDRESS: nobody,
    GUARDIAN_DATA_DIR: '/nonexistent',
    LOG_LEVEL: 'error',
    // Kafka is away: what waits for it has to have given up before the row does.
    API_LOG_READ_TIMEOUT_MS: '1000',
    API_COLLECTOR_DEADLINE_MS: '1000',
    API_KEY_REQUESTS_PER_MINUTE: '10000000',
    API_REFUSALS_PER_MINUTE: '1000000',
  }
  const api = new ServiceProcess('api/main.js', env)
  const isReady = () => fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok, () => false) // prettier-ignore
  await waitUntil(() => api.output, 60_000, isReady)
  const residentMegabytes = async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    return Number(/^process_resident_memory_bytes\S* (\S+)/m.exec(text)?.[1]) / 1_048_576
  }
  const stop = async () => {
    if (api.isRunning) await api.stop()
    await database.drop()
  }
  return { port, api, config: apiConfig(env), residentMegabytes, stop }
}

async function run({ quick, seed, say }: RowSettings) {
  const count = quick ? QUICK : FULL
  const { port, api, config, residentMegabytes, stop } = await openApi()
  try {
    const limits = {
      pageLimitMax: config.API_PAGE_LIMIT_MAX,
      eventsPerRequestMax: config.API_COLLECTOR_BATCH_MAX,
      auditExportMax: config.API_AUDIT_EXPORT_MAX,
    }
    const operations = Object.values<Operation>(createOperations(limits))
    const seen: Seen = { findings: [], statuses: new Map(), findingsCount: 0 }
    const requests = requestsOver(operations, seededRandom(seed))
    const megabytes: number[] = []
    for (let third = 0; third < 3; third++) {
      await storm(port, requests, Math.round(count / 3), seen)
      megabytes.push(await residentMegabytes())
      say(
        `${Math.round(((third + 1) * count) / 3)} requests, ${seen.findingsCount} findings, ${Math.round(megabytes[third] ?? 0)} MB`,
      )
    }
    const raw = await rawStorm(port, quick ? 3 : 20, seen)
    const alive = (await fetch(`http://127.0.0.1:${port}/livez`)).ok && api.isRunning
    const [early = 0, , late = 0] = megabytes
    const isFlat = late <= early * GROWTH + SLACK_MB
    const statuses = [...seen.statuses].sort().map(([status, n]) => `${status}: ${n}`)
    return {
      held: alive && isFlat && seen.findingsCount === 0,
      figure: `${count} requests over ${operations.length} operations and ${raw} malformed ones: ${seen.findingsCount} unexpected; ${Math.round(early)} → ${Math.round(late)} MB`,
      configuration: { 'at once': AT_ONCE, 'deadline ms': DEADLINE_MS, answers: statuses.join(', ') },
      differences: [...seen.findings, ...(alive ? [] : ['the process has ended'])],
    }
  } finally {
    await stop()
  }
}

export const row: Row = {
  id: 'D1',
  fault:
    'hostile requests over every operation and method of the contract, with and without a key, and bytes that are no HTTP',
  invariant:
    'no 5xx but a 503 that says when to come back; every answer within 2 s; nothing of the inside in it; memory stays flat',
  quick: true,
  run,
}
