import { Command } from 'commander'
import { createLogins } from '../db/create-logins.js'
import { migrate } from '../db/migrate.js'
import type { ProcessRole } from '../db/process-roles.js'
import { resolveSchemas } from '../platform/avro/resolution.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { loadConfig } from '../platform/config.js'
import { ensureTopics } from '../platform/kafka/admin.js'
import type { Env } from '../platform/env.js'
import { createKafka } from '../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../platform/kafka/connection.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../platform/avro/registry-connection.js'
import { AVRO_SCHEMAS, COMPATIBILITY, READER_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { topicSpecs } from '../schemas/topics.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'

const MIGRATION_LOCK_WAIT_MS = 60_000

/** `guardian setup`: brings database, topics and schemas to what this release needs. Running it again changes nothing. */
export const setupCommand = (): Command =>
  new Command('setup')
    .description('migrate the database, create the topics, register the schemas; safe to run again')
    .option('--roles', 'make a PostgreSQL login for each process, with the POSTGRES_…_PASSWORD of the environment')
    .option('--json', 'print one JSON document')
    .action((words: { json?: boolean; roles?: boolean }) =>
      runCommand(words, (terminal) => setup(terminal, words.roles === true)),
    )

async function setup({ env, log }: Terminal, withRoles: boolean): Promise<CommandResult> {
  const config = loadConfig(
    [
      'DATABASE_URL',
      'PG_CONNECT_TIMEOUT_MS',
      ...KAFKA_CONNECTION_VARIABLES,
      'KAFKA_PARTITIONS',
      'KAFKA_REPLICATION_FACTOR',
      'KAFKA_MIN_INSYNC_REPLICAS',
      'KAFKA_REQUEST_TIMEOUT_MS',
      'MAX_RECORD_BYTES',
      ...REGISTRY_CONNECTION_VARIABLES,
    ],
    env,
  )
  const kafka = createKafka(
    { ...kafkaConnection(config), clientId: 'guardian-setup', requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const specs = topicSpecs({
    partitions: config.KAFKA_PARTITIONS,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
    maxRecordBytes: config.MAX_RECORD_BYTES,
  })
  const registry = new RegistryClient(registrySettings(config))
  const passwords = withRoles ? passwordsOf(env) : undefined
  const steps = [
    setUpDatabase(config.DATABASE_URL, config.PG_CONNECT_TIMEOUT_MS, passwords),
    ensureTopics(kafka, specs, log),
    registerSchemas(registry),
  ] as const
  // All are waited for, so that one run tells of every server that is not there.
  const outcomes = await Promise.allSettled(steps)
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  if (faults.length > 0) throw new AggregateError(faults, 'setup is not complete')
  const [{ migrations, logins }, topics, schemas] = await Promise.all(steps)
  const unreadable = await unreadableVersions(registry)
  return {
    document: {
      migrations,
      logins,
      topicsCreated: topics,
      topics: specs.map(({ topic }) => topic),
      schemas,
      unreadable,
    },
    lines: [
      `migrations applied: ${listOrNone(migrations)}`,
      ...(logins.length === 0 ? [] : [`logins: ${logins.join(', ')}`]),
      `topics created: ${listOrNone(topics)}`,
      ...schemas.map(({ subject, id }) => `schema ${id}: ${subject}, ${COMPATIBILITY}`),
      ...unreadable.map(
        ({ subject, version, problem }) =>
          `WARNING ${subject} has version ${version}, of which every record is a dead letter: ${problem}`,
      ),
    ],
    complete: true,
  }
}

function passwordsOf(env: Env): Record<ProcessRole, string> {
  const config = loadConfig(
    [
      'POSTGRES_DETECTOR_PASSWORD',
      'POSTGRES_ARCHIVER_PASSWORD',
      'POSTGRES_ORCHESTRATOR_PASSWORD',
      'POSTGRES_API_PASSWORD',
    ],
    env,
  )
  return {
    detector: config.POSTGRES_DETECTOR_PASSWORD,
    archiver: config.POSTGRES_ARCHIVER_PASSWORD,
    orchestrator: config.POSTGRES_ORCHESTRATOR_PASSWORD,
    api: config.POSTGRES_API_PASSWORD,
  }
}

/** The logins come first: migrating grants them what they may do. */
async function setUpDatabase(url: string, connectTimeoutMs: number, passwords?: Record<ProcessRole, string>) {
  const logins = passwords === undefined ? [] : await createLogins(url, passwords, connectTimeoutMs)
  return { migrations: await migrate(url, { connectTimeoutMs, lockWaitMs: MIGRATION_LOCK_WAIT_MS }), logins }
}

const listOrNone = (names: readonly string[]): string => (names.length === 0 ? 'none, all there' : names.join(', '))

/** Registers every schema, then holds its subject to the rule under which all versions read each other's records. */
async function registerSchemas(registry: RegistryClient): Promise<{ subject: string; id: number }[]> {
  const registered: { subject: string; id: number }[] = []
  for (const [topic, schema] of Object.entries(AVRO_SCHEMAS)) {
    const subject = subjectOf(topic)
    registered.push({ subject, id: await registry.register(subject, schema) })
    await registry.setCompatibility(subject, COMPATIBILITY)
  }
  return registered
}

/** Versions that were registered before the rule was, and that no reader can read. */
async function unreadableVersions(registry: RegistryClient) {
  const found: { subject: string; version: number; problem: string }[] = []
  for (const [topic, reader] of Object.entries(READER_SCHEMAS)) {
    const subject = subjectOf(topic)
    for (const version of await registry.versions(subject)) {
      const { problem, fields } = resolveSchemas(reader, await registry.schemaOfVersion(subject, version))
      const faults = fields.flatMap((field) =>
        field.problem === undefined ? [] : [`${field.field}: ${field.problem}`],
      )
      const said = problem ?? faults.join('; ')
      if (said !== '') found.push({ subject, version, problem: said })
    }
  }
  return found
}
