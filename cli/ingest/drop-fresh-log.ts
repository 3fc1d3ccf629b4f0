import { dropFreshLog, listFreshLogs } from '../../db/stores/fresh-logs.js'
import { loadConfig } from '../../platform/config.js'
import { createKafka } from '../../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../platform/kafka/connection.js'
import { removeTopics } from '../../platform/kafka/topic-admin.js'
import { Lifecycle } from '../../platform/lifecycle.js'
import { UsageError } from '../cli-error.js'
import type { CommandResult, Terminal } from '../terminal.js'
import { freshLogNamed, holdFreshLog, openFreshPool } from './fresh-ingest.js'

/**
 * Removes a fresh log: its topics, its consumer group, its rows and its checkpoints. May be repeated after a crash.
 * @throws UsageError when there is no such log, or it is being read; GRD_STORE_*; PlatformError KAFKA_UNAVAILABLE
 */
export async function dropFresh(name: string, terminal: Terminal): Promise<CommandResult> {
  const log = freshLogNamed(name)
  const config = loadConfig([...KAFKA_CONNECTION_VARIABLES, 'KAFKA_REQUEST_TIMEOUT_MS'], terminal.env)
  const { KAFKA_REQUEST_TIMEOUT_MS: requestTimeoutMs } = config
  const kafka = createKafka({ ...kafkaConnection(config), clientId: 'guardian-fresh', requestTimeoutMs }, terminal.log)
  const life = new Lifecycle()
  try {
    const db = await life.use('PostgreSQL pool', () => openFreshPool(terminal))
    await life.use('lock', () => holdFreshLog(db, log))
    // The topics first: while the tables are there, the log is found, and what was left undone can be repeated.
    const topics = await removeTopics(kafka, [log.topic, log.late, log.deadLetters], log.groupId)
    const hadRows = await dropFreshLog(db, log)
    if (topics.length === 0 && !hadRows) {
      const names = await listFreshLogs(db)
      throw new UsageError(
        `there is no fresh log ${name}; ${names.length === 0 ? 'there is none at all' : `there are: ${names.join(', ')}`}`,
      )
    }
    return {
      document: { dropped: name, topics },
      lines: [`removed the fresh log ${name}: its topics (${topics.join(', ') || 'none'}), rows and checkpoints`],
      complete: true,
    }
  } finally {
    await life.stop()
  }
}
