import { Command } from 'commander'
import { migrate } from '../db/migrate.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { loadConfig } from '../platform/config.js'
import { ensureTopics } from '../platform/kafka/admin.js'
import { createKafka } from '../platform/kafka/client.js'
import { AVRO_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { topicSpecs } from '../schemas/topics.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'

const MIGRATION_LOCK_WAIT_MS = 60_000

/** `guardian setup`: brings database, topics and schemas to what this release needs. Running it again changes nothing. */
export const setupCommand = (): Command =>
  new Command('setup')
    .description('migrate the database, create the topics, register the schemas; safe to run again')
    .option('--json', 'print one JSON document')
    .action((words: { json?: boolean }) => runCommand(words, setup))

async function setup({ env, log }: Terminal): Promise<CommandResult> {
  const config = loadConfig(
    [
      'DATABASE_URL',
      'PG_CONNECT_TIMEOUT_MS',
      'KAFKA_BROKERS',
      'KAFKA_PARTITIONS',
      'KAFKA_REPLICATION_FACTOR',
      'KAFKA_MIN_INSYNC_REPLICAS',
      'KAFKA_REQUEST_TIMEOUT_MS',
      'MAX_RECORD_BYTES',
      'SCHEMA_REGISTRY_URL',
      'SCHEMA_REGISTRY_TIMEOUT_MS',
    ],
    env,
  )
  const kafka = createKafka(
    { brokers: config.KAFKA_BROKERS, clientId: 'guardian-setup', requestTimeoutMs: config.KAFKA_REQUEST_TIMEOUT_MS },
    log,
  )
  const specs = topicSpecs({
    partitions: config.KAFKA_PARTITIONS,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
    maxRecordBytes: config.MAX_RECORD_BYTES,
  })
  const registry = new RegistryClient({
    url: config.SCHEMA_REGISTRY_URL,
    timeoutMs: config.SCHEMA_REGISTRY_TIMEOUT_MS,
  })
  const steps = [
    migrate(config.DATABASE_URL, {
      connectTimeoutMs: config.PG_CONNECT_TIMEOUT_MS,
      lockWaitMs: MIGRATION_LOCK_WAIT_MS,
    }),
    ensureTopics(kafka, specs, log),
    registerSchemas(registry),
  ] as const
  // All are waited for, so that one run tells of every server that is not there.
  const outcomes = await Promise.allSettled(steps)
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
  if (faults.length > 0) throw new AggregateError(faults, 'setup is not complete')
  const [migrations, topics, schemas] = await Promise.all(steps)
  return {
    document: { migrations, topicsCreated: topics, topics: specs.map(({ topic }) => topic), schemas },
    lines: [
      `migrations applied: ${listOrNone(migrations)}`,
      `topics created: ${listOrNone(topics)}`,
      ...schemas.map(({ subject, id }) => `schema ${id}: ${subject}, BACKWARD_TRANSITIVE`),
    ],
    complete: true,
  }
}

const listOrNone = (names: readonly string[]): string => (names.length === 0 ? 'none, all there' : names.join(', '))

/** Registers every schema, then holds its subject to it: whatever comes later must still read all that was written. */
async function registerSchemas(registry: RegistryClient): Promise<{ subject: string; id: number }[]> {
  const registered: { subject: string; id: number }[] = []
  for (const [topic, schema] of Object.entries(AVRO_SCHEMAS)) {
    const subject = subjectOf(topic)
    registered.push({ subject, id: await registry.register(subject, schema) })
    await registry.setCompatibility(subject, 'BACKWARD_TRANSITIVE')
  }
  return registered
}
