import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { classArchive } from '../../../deploy/local/class-archive.js'
import { findJava, type Java } from '../../../deploy/local/java.js'
import { LOGGING, brokerProperties, fetchKafka } from '../../../deploy/local/kafka-server.js'
import { ManagedProcess } from '../../../deploy/local/managed-process.js'
import { mavenArtifact } from '../../../deploy/local/maven-files.js'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { runCommand } from '../../../deploy/local/run-command.js'
import { STOP_RANK, serverEnv, type ServerContext } from '../../../deploy/local/server-context.js'
import type { Certificates, Pair } from './certificates.js'

/** A broker that lets nobody in without TLS. Its listeners differ in how they know a client, and in their certificate. */
export interface SecuredKafka {
  /** host:port of the listener for SASL, and the same by a name that its certificate does not have. */
  readonly sasl: string
  readonly wrongHost: string
  /** Of the listener that requires a client certificate. */
  readonly mtls: string
  /** Of the listener whose certificate has expired. */
  readonly expired: string
  stop(): Promise<void>
}

const BRIEF = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
const LOGIN = 'org.apache.kafka.common.security'

/** @param password of the user `guardian`, by PLAIN and by SCRAM */
export async function startSecuredKafka(
  context: ServerContext,
  pki: Certificates,
  password: string,
): Promise<SecuredKafka> {
  const [java, jars] = await Promise.all([findJava(context.env), fetchKafka(context)])
  const home = join(context.dataDir, 'secured-kafka')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const [plain = 0, controller = 0, sasl = 0, mtls = 0, expired = 0] = await findFreePorts(5)
  const properties = join(home, 'broker.properties')
  writeFileSync(join(home, 'server.pem'), both(pki.server), { mode: 0o600 })
  writeFileSync(join(home, 'expired.pem'), both(pki.expired), { mode: 0o600 })
  writeFileSync(join(home, 'ca.pem'), pki.ca.cert)
  writeFileSync(join(home, 'log4j2.properties'), LOGGING)
  const base = brokerProperties(1, join(home, 'data'), { brokers: [plain], controllers: [controller] })
  writeFileSync(properties, base + listeners(home, { plain, controller, sasl, mtls, expired }, password))
  const command = commandOf(context, java, jars)
  const scram = ['256', '512'].flatMap((bits) => [
    '--add-scram',
    `SCRAM-SHA-${bits}=[name=guardian,password=${password}]`,
  ])
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await runCommand({
    command: java.command,
    args: [...command, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, ...scram],
    env: serverEnv(context.env),
    keeper: context.keeper,
  })
  const logging = `-Dlog4j2.configurationFile=${join(home, 'log4j2.properties')}`
  const broker = new ManagedProcess(
    {
      name: 'secured-kafka',
      command: java.command,
      args: ['-Xms128m', '-Xmx512m', logging, ...command, 'kafka.Kafka', properties],
      env: serverEnv(context.env),
      logFile: join(context.dataDir, 'logs', 'secured-kafka.log'),
      stopSignal: 'SIGTERM',
      stopBoundMs: 30_000,
      readyBoundMs: 120_000,
      rank: STOP_RANK.server,
      isReady: ({ log }) => log().includes('Kafka Server started'),
    },
    context.keeper,
  )
  await broker.start()
  const at = (port: number, host = '127.0.0.1') => `${host}:${port}`
  return {
    ...{ sasl: at(sasl), wrongHost: at(sasl, 'localhost'), mtls: at(mtls), expired: at(expired) },
    stop: () => broker.stop(),
  }
}

function commandOf(context: ServerContext, java: Java, jars: string): string[] {
  const archive = classArchive(context.cacheDir, `kafka-${mavenArtifact('kafka').version}`, java, false)
  return [...archive.args, ...BRIEF, '-cp', join(jars, '*')]
}

const both = ({ cert, key }: Pair): string => `${key}${cert}`

type Ports = Readonly<Record<'plain' | 'controller' | 'sasl' | 'mtls' | 'expired', number>>

/** Later settings take the place of earlier ones. */
function listeners(home: string, ports: Ports, password: string): string {
  const named = (['sasl', 'mtls', 'expired'] as const).map((name) => `${name.toUpperCase()}://127.0.0.1:${ports[name]}`)
  const plain = `PLAINTEXT://127.0.0.1:${ports.plain}`
  const tls = (name: string, file: string, more: Record<string, string> = {}) =>
    Object.entries({
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': join(home, file),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(home, 'ca.pem'),
      ...more,
    }).map(([key, value]): [string, string] => [`listener.name.${name}.${key}`, value])
  const properties: [string, string][] = [
    ['listeners', [plain, `CONTROLLER://127.0.0.1:${ports.controller}`, ...named].join(',')],
    ['advertised.listeners', [plain, ...named].join(',')],
    ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL,EXPIRED:SSL'],
    ...tls('sasl', 'server.pem', {
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      'plain.sasl.jaas.config': `${LOGIN}.plain.PlainLoginModule required user_guardian="${password}";`,
      'scram-sha-256.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
      'scram-sha-512.sasl.jaas.config': `${LOGIN}.scram.ScramLoginModule required;`,
      // Kafka's own, for development: it takes tokens without a signature, and holds them to their times and claims.
      'oauthbearer.sasl.jaas.config': `${LOGIN}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="clickstream";`,
    }),
    ...tls('mtls', 'server.pem', { 'ssl.client.auth': 'required' }),
    ...tls('expired', 'expired.pem'),
  ]
  return properties.map(([name, value]) => `${name}=${value}\n`).join('')
}
