import type { Config } from '../config.js'
import { tlsOptions, type TlsMaterial } from '../tls.js'

/** What a process needs from the environment to connect to Kafka. */
export const KAFKA_CONNECTION_VARIABLES = [
  'KAFKA_BROKERS',
  'KAFKA_SECURITY_PROTOCOL',
  'KAFKA_TLS_CA',
  'KAFKA_TLS_CERT',
  'KAFKA_TLS_KEY',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_OAUTH_TOKEN_URL',
  'KAFKA_OAUTH_CLIENT_ID',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'KAFKA_OAUTH_SCOPE',
] as const

export type KafkaConnectionConfig = Config<(typeof KAFKA_CONNECTION_VARIABLES)[number]>

export interface OauthSettings {
  /** Of the endpoint that gives tokens for client credentials (RFC 6749, section 4.4). */
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string | undefined
}

/** How we log in to Kafka. */
export type SaslSettings =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: string
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly oauth: OauthSettings }

/** Where Kafka is, how it is proved that it is Kafka, and how we log in. */
export interface KafkaConnection {
  /** host:port of brokers to begin with; the others are learnt from them. */
  readonly brokers: readonly string[]
  /** @default connections are not encrypted */
  readonly tls?: TlsMaterial
  /** @default no login */
  readonly sasl?: SaslSettings
}

/** The connection as the configuration says, which has checked that nothing is missing. */
export function kafkaConnection(config: KafkaConnectionConfig): KafkaConnection {
  const protocol = config.KAFKA_SECURITY_PROTOCOL
  const tls = tlsOptions({ ca: config.KAFKA_TLS_CA, cert: config.KAFKA_TLS_CERT, key: config.KAFKA_TLS_KEY })
  const sasl = protocol.startsWith('SASL_') ? saslOf(config) : undefined
  return {
    brokers: config.KAFKA_BROKERS,
    ...(protocol.endsWith('SSL') ? { tls } : {}),
    ...(sasl === undefined ? {} : { sasl }),
  }
}

function saslOf(config: KafkaConnectionConfig): SaslSettings | undefined {
  const { KAFKA_SASL_MECHANISM: mechanism } = config
  if (mechanism === undefined) return undefined
  if (mechanism !== 'OAUTHBEARER')
    return { mechanism, username: config.KAFKA_SASL_USERNAME ?? '', password: config.KAFKA_SASL_PASSWORD ?? '' }
  const oauth = {
    tokenUrl: config.KAFKA_OAUTH_TOKEN_URL ?? '',
    clientId: config.KAFKA_OAUTH_CLIENT_ID ?? '',
    clientSecret: config.KAFKA_OAUTH_CLIENT_SECRET ?? '',
    scope: config.KAFKA_OAUTH_SCOPE,
  }
  return { mechanism, oauth }
}
