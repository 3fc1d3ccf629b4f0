import { connect } from 'node:net'
import { assertMigrated } from '../../db/migrate.js'
import { openPool } from '../../db/pool.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { loadConfig, type VariableName } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { withAdmin } from '../../platform/kafka/admin.js'
import { createKafka } from '../../platform/kafka/client.js'
import type { Logger } from '../../platform/logger.js'
import { TOPICS } from '../../domain/events.js'
import { AVRO_SCHEMAS, subjectOf } from '../../schemas/avro-schemas.js'
import { errorLine } from '../cli-error.js'
import { ok, type Check } from './check.js'

const CONNECT_MS = 2_000
const SETUP = 'npx guardian setup'

/** Which servers answer, and whether they hold what this release needs. Each is given at most a few seconds. */
export function checkServers(env: Env, log: Logger): Promise<Check[]> {
  return Promise.all([
    checkServer('PostgreSQL', 'DATABASE_URL', env, () => checkDatabase(env, log)),
    checkServer('Kafka', 'KAFKA_BROKERS', env, () => checkTopics(env, log)),
    checkServer('schema registry', 'SCHEMA_REGISTRY_URL', env, () => checkSchemas(env)),
    checkServer('Temporal', 'TEMPORAL_ADDRESS', env, () => Promise.resolve(undefined)),
  ])
}

/** @param look gives what is missing on the server, or undefined when all is there */
async function checkServer(
  name: string,
  variable: VariableName,
  env: Env,
  look: () => Promise<string | undefined>,
): Promise<Check> {
  const address = env[variable]
  if (address === undefined || address === '')
    return { name, state: 'down', found: `${variable} is not set and no local stack runs`, remedy: 'npm start' }
  try {
    loadConfig([variable], env)
    const { host, port } = endpointOf(address)
    await reach(host, port)
    const missing = await look()
    const found = `answers at ${host}:${port}`
    return missing === undefined ? ok(name, found) : { name, state: 'missing', found: missing, remedy: SETUP }
  } catch (error) {
    return { name, state: 'down', found: errorLine(error), remedy: `npm start, or set ${variable}` }
  }
}

async function checkDatabase(env: Env, log: Logger): Promise<string | undefined> {
  const { DATABASE_URL } = loadConfig(['DATABASE_URL'], env)
  const timeouts = { connectTimeoutMs: CONNECT_MS, statementTimeoutMs: CONNECT_MS, lockTimeoutMs: CONNECT_MS }
  const pool = await openPool({ url: DATABASE_URL, max: 1, ...timeouts, applicationName: 'guardian-doctor' }, log)
  try {
    return await assertMigrated(pool.value).then(() => undefined, errorLine)
  } finally {
    await pool.stop()
  }
}

async function checkTopics(env: Env, log: Logger): Promise<string | undefined> {
  const { KAFKA_BROKERS } = loadConfig(['KAFKA_BROKERS'], env)
  const kafka = createKafka({ brokers: KAFKA_BROKERS, clientId: 'guardian-doctor', requestTimeoutMs: CONNECT_MS }, log)
  const existing = new Set(await withAdmin(kafka, (admin) => admin.listTopics()))
  return missingOf('topics', Object.values(TOPICS), existing)
}

async function checkSchemas(env: Env): Promise<string | undefined> {
  const { SCHEMA_REGISTRY_URL } = loadConfig(['SCHEMA_REGISTRY_URL'], env)
  const subjects = new Set(await new RegistryClient({ url: SCHEMA_REGISTRY_URL, timeoutMs: CONNECT_MS }).subjects())
  return missingOf('schemas', Object.keys(AVRO_SCHEMAS).map(subjectOf), subjects)
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
