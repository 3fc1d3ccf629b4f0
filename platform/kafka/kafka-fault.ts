import { PlatformError } from '../platform-error.js'
import { explainTls } from '../tls.js'
import { TOKEN_REFUSED } from './oauth-bearer.js'

const TLS_NAMES = {
  address: 'KAFKA_BROKERS',
  ca: 'KAFKA_TLS_CA',
  cert: 'KAFKA_TLS_CERT',
  key: 'KAFKA_TLS_KEY',
  tls: 'KAFKA_SECURITY_PROTOCOL',
}

const MAX_CAUSES = 8

/** An error of kafkajs as one of ours, with the setting to look at where the cause is one. */
export function kafkaFault(cause: unknown): PlatformError {
  if (cause instanceof PlatformError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  return new PlatformError('KAFKA_UNAVAILABLE', explainKafka(cause) ?? text, { cause })
}

/** What a failure to connect means and which setting it is about; undefined when it is about none. */
export function explainKafka(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth += 1) {
    if (at.name === 'KafkaJSSASLAuthenticationError' || at.message === TOKEN_REFUSED) return explainLogin(at.message)
    if (at instanceof PlatformError) return at.message
  }
  const tls = explainTls(error, TLS_NAMES)
  return tls === undefined ? undefined : `Kafka: ${tls}`
}

const explainLogin = (message: string): string => {
  if (message.includes('not supported by the server'))
    return 'Kafka does not offer this SASL mechanism on this listener: check KAFKA_SASL_MECHANISM and KAFKA_BROKERS'
  return message.includes('OAUTHBEARER')
    ? 'Kafka refused the login: it does not accept the token from KAFKA_OAUTH_TOKEN_URL'
    : 'Kafka refused the login: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM'
}

/** Connects a client of kafkajs. @throws PlatformError KAFKA_UNAVAILABLE, naming the setting that is wrong if one is */
export async function connect(client: { connect(): Promise<void> }): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    throw kafkaFault(error)
  }
}
