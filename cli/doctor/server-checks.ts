import { connect } from 'node:net'
import { assertMigrated } from '../../db/migrate.js'
import { openPool } from '../../db/pool.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../../platform/avro/registry-connection.js'
import { loadConfig, type VariableName } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { withAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import type { Logger } from '../../platform/logger.js'
import { TEMPORAL_CONNECTION_VARIABLES } from '../../platform/temporal-connection.js'
import { isGiven } from '../../platform/variable-text.js'
import { GuardianError } from '../../domain/errors.js'
import { TOPICS } from '../../domain/events.js'
import { AVRO_SCHEMAS, subjectOf } from '../../schemas/avro-schemas.js'
import { errorLine } from '../cli-error.js'
import { ok, type Check } from './check.js'

const CONNECT_MS = 2_000
/** A broker that does not answer is asked again twice, which takes half a second. */
const KAFKA_RETRIES = 2
const SETUP = 'npx guardian setup'

/** How one server is looked at. */
interface ServerLook {
  readonly name: string
  /** What it is connected by; the first one is its address. */
  readonly variables: readonly [VariableName, ...VariableName[]]
  /** Connects as the processes do. @returns what is missing on the server, or undefined when all is there */
  readonly look: () => Promise<string | undefined>
}

/** Which servers answer, and whether they hold what this release needs. Each is given at most a few seconds. */
export function checkServers(env: Env, log: Logger): Promise<Check[]> {
  const looks: readonly ServerLook[] = [
    { name: 'PostgreSQL', variables: ['DATABASE_URL'], look: () => checkDatabase(env, log) },
    { name: 'Kafka', variables: KAFKA_CONNECTION_VARIABLES, look: () => checkTopics(env, log) },
    { name: 'schema registry', variables: REGISTRY_CONNECTION_VARIABLES, look: () => checkSchemas(env) },
    { name: 'Temporal', variables: TEMPORAL_CONNECTION_VARIABLES, look: () => checkNamespace(env) },
  ]
  return Promise.all(looks.map((one) => checkServer(one, env)))
}

async function checkServer({ name, variables, look }: ServerLook, env: Env): Promise<Check> {
  const [variable] = variables
  if (!isGiven(variable, env))
    return { name, state: 'down', found: `${variable} is not set and no local stack runs`, remedy: 'npm start' }
  try {
    const { host, port } = endpointOf(addressIn(loadConfig(variables, env)[variable]))
    await reach(host, port)
    const missing = await look()
    const found = `answers at ${host}:${port}`
    return missing === undefined ? ok(name, found) : { name, state: 'missing', found: missing, remedy: SETUP }
  } catch (error) {
    return { name, state: 'down', found: errorLine(error), remedy: `npm start, or set ${variable}` }
  }
}

const addressIn = (value: unknown): string => (Array.isArray(value) ? value.join(',') : String(value))

async function checkDatabase(env: Env, log: Logger): Promise<string | undefined> {
  const { DATABASE_URL } = loadConfig(['DATABASE_URL'], env)
  const timeouts = { connectTimeoutMs: CONNECT_MS, statementTimeoutMs: CONNECT_MS, lockTimeoutMs: CONNECT_MS }
  const pool = await openPool({ url: DATABASE_URL, max: 1, ...timeouts, applicationName: 'guardian-doctor' }, log)
  try {
    await assertMigrated(pool.value)
    return undefined
  } catch (error) {
    if (error instanceof GuardianError && error.code === 'GRD_MIGRATION') return errorLine(error)
    throw error
  } finally {
    await pool.stop()
  }
}

async function checkTopics(env: Env, log: Logger): Promise<string | undefined> {
  const connection = kafkaConnection(loadConfig(KAFKA_CONNECTION_VARIABLES, env))
  const kafka = createKafka(
    { ...connection, clientId: 'guardian-doctor', requestTimeoutMs: CONNECT_MS, retries: KAFKA_RETRIES },
    log,
  )
  const existing = new Set(await withAdmin(kafka, (admin) => admin.listTopics()))
  return missingOf('topics', Object.values(TOPICS), existing)
}

async function checkSchemas(env: Env): Promise<string | undefined> {
  const settings = registrySettings(loadConfig(REGISTRY_CONNECTION_VARIABLES, env))
  const subjects = new Set(await new RegistryClient({ ...settings, timeoutMs: CONNECT_MS }).subjects())
  return missingOf('schemas', Object.keys(AVRO_SCHEMAS).map(subjectOf), subjects)
}

async function checkNamespace(env: Env): Promise<undefined> {
  // Loaded when it is needed: Temporal's client takes a second.
  const { withTemporal } = await import('../with-temporal.js')
  await withTemporal({ env }, async ({ workflowService, options: { namespace }, connection }) => {
    await connection.withDeadline(Date.now() + CONNECT_MS, () => workflowService.describeNamespace({ namespace }))
  })
}

function missingOf(what: string, wanted: readonly string[], existing: ReadonlySet<string>): string | undefined {
  const missing = wanted.filter((name) => !existing.has(name))
  return missing.length === 0 ? undefined : `${what} are missing: ${missing.join(', ')}`
}

/** Where a URL, or the first of a list of host:port, points to. Says nothing of users or passwords. */
export function endpointOf(address: string): { readonly host: string; readonly port: number } {
  const url = new URL(address.includes('://') ? address : `tcp://${address.split(',')[0]?.trim() ?? ''}`)
  const presets: Readonly<Record<string, number>> = {
    'postgres:': 5432,
    'postgresql:': 5432,
    'http:': 80,
    'https:': 443,
  }
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (presets[url.protocol] ?? 0) }
}

function reach(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: CONNECT_MS })
    socket.once('connect', () => resolve(void socket.destroy()))
    socket.once('timeout', () => {
      socket.destroy()
      reject(new Error(`${host}:${port} does not answer`))
    })
    socket.once('error', (cause) => reject(new Error(`${host}:${port} does not answer`, { cause })))
  })
}
