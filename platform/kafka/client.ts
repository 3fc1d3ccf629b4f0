import kafkajs, { type ISocketFactory, type Kafka, type LogEntry, type Mechanism, type SASLOptions } from 'kafkajs'
import type { Logger } from '../logger.js'
import { tlsOptions } from '../tls.js'
import type { KafkaConnection, SaslSettings } from './connection.js'
import { oauthBearer } from './oauth-bearer.js'
import { oauthTokens } from './oauth-token.js'
import { quietRequestQueues } from './request-queue.js'

export interface KafkaSettings extends KafkaConnection {
  readonly clientId: string
  readonly requestTimeoutMs: number
  /** How often what failed is tried again, after 0.1 s and up to 3 s; with 8, it takes 12 s until it fails. @default 8 */
  readonly retries?: number
  /** How connections are opened. @default straight to the broker; a failure test puts a proxy in between */
  readonly socketFactory?: ISocketFactory
}

/** A kafkajs client with bounded retries, whose own log lines go to ours. Connects when it is first used. */
export function createKafka(settings: KafkaSettings, log: Logger): Kafka {
  quietRequestQueues()
  return new kafkajs.Kafka({
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    connectionTimeout: Math.min(settings.requestTimeoutMs, 5_000),
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    ...(settings.tls === undefined ? {} : { ssl: tlsOptions(settings.tls) }),
    ...(settings.sasl === undefined ? {} : { sasl: saslOptions(settings.sasl, settings.requestTimeoutMs) }),
    ...(settings.socketFactory === undefined ? {} : { socketFactory: settings.socketFactory }),
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: settings.retries ?? 8 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => forward(entry, log),
  })
}

function saslOptions(sasl: SaslSettings, timeoutMs: number): SASLOptions | Mechanism {
  if (sasl.mechanism === 'OAUTHBEARER') {
    return oauthBearer(oauthTokens(sasl.oauth, timeoutMs))
  }
  const { username, password } = sasl
  switch (sasl.mechanism) {
    case 'PLAIN':
      return { mechanism: 'plain', username, password }
    case 'SCRAM-SHA-256':
      return { mechanism: 'scram-sha-256', username, password }
    case 'SCRAM-SHA-512':
      return { mechanism: 'scram-sha-512', username, password }
  }
}

/** kafkajs calls its own retries errors; for us they are warnings until the process gives up. */
function forward({ namespace, level, log: { message, ...fields } }: LogEntry, log: Logger): void {
  const line = { namespace, message, error: fields['error'] as unknown, groupId: fields['groupId'] as unknown }
  // Ours are limited on purpose: a producer that does not get through is replaced by a fresh one.
  const isOurChoice = message.startsWith('Limiting retries for the idempotent producer')
  if (level <= kafkajs.logLevel.WARN && !isOurChoice) log.warn(line, 'kafka_client')
  else log.debug(line, 'kafka_client')
}
