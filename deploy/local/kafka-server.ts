import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { classArchive, type ClassArchive } from './class-archive.js'
import { findJava, type Java } from './java.js'
import { LocalFault } from './local-fault.js'
import { ManagedProcess, type ProcessSpec } from './managed-process.js'
import { fetchMavenFiles, mavenArtifact } from './maven-files.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'
import { STOP_RANK, serverEnv, type RunningServer, type ServerContext } from './server-context.js'

export interface KafkaOptions {
  /** The brokers' ports, one each; the controllers' ports, one each. */
  readonly ports: { readonly brokers: readonly number[]; readonly controllers: readonly number[] }
  /** Ends before compiling its code well would pay. */
  readonly isBrief: boolean
}

/** What Java compiles, and how it collects: for a server that goes on, and for one that ends after some minutes. */
const LASTING = ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
const BRIEF = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export const LOGGING = `status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.state.name = state.change.logger
logger.state.level = warn
`

/** Puts Kafka's jars into the cache. @returns their folder */
export function fetchKafka(context: FetchContext): Promise<string> {
  const { version, files } = mavenArtifact('kafka')
  return cachedItem(context, `kafka-${version}`, (folder) => fetchMavenFiles(files, folder, context))
}

/** Starts a KRaft cluster on 127.0.0.1 in which every node is broker and controller. */
export async function startKafka(context: ServerContext, options: KafkaOptions): Promise<RunningServer> {
  const [java, jars] = await Promise.all([findJava(context.env), fetchKafka(context)])
  const home = join(context.dataDir, 'kafka')
  const count = options.ports.brokers.length
  refuseOtherSize(home, count)
  mkdirSync(home, { recursive: true, mode: 0o700 })
  writeFileSync(join(home, 'log4j2.properties'), LOGGING)
  const clusterId = clusterIdOf(home)
  const { isBrief } = options
  const nodes = options.ports.brokers.map((_, index) => ({
    java,
    jars,
    home,
    id: index + 1,
    clusterId,
    count,
    isBrief,
  }))
  await Promise.all(nodes.map((node) => format(context, node, options)))
  context.report('starting')
  const processes = nodes.map((node) => new ManagedProcess(brokerSpec(context, node), context.keeper))
  try {
    await Promise.all(processes.map((broker) => broker.start(context.signal)))
  } catch (error) {
    await Promise.all(processes.map((broker) => broker.stop()))
    throw error
  }
  return { url: options.ports.brokers.map((port) => `127.0.0.1:${port}`).join(','), processes }
}

interface KafkaNode {
  readonly java: Java
  readonly jars: string
  readonly home: string
  readonly id: number
  readonly clusterId: string
  readonly count: number
  readonly isBrief: boolean
}

/** How many brokers the data in a directory was made with. @returns undefined when there is none yet */
export function brokersOf(dataDir: string): number | undefined {
  const home = join(dataDir, 'kafka')
  if (!existsSync(home)) return undefined
  const count = readdirSync(home).filter((name) => /^broker-\d+$/.test(name)).length
  return count === 0 ? undefined : count
}

function refuseOtherSize(home: string, count: number): void {
  const found = brokersOf(join(home, '..'))
  if (found === undefined || found === count) return
  throw new LocalFault(
    `the data in ${home} belongs to a cluster of ${found} broker${found === 1 ? '' : 's'}, not of ${count}`,
    `start with --brokers ${found}, or keep the other cluster apart with GUARDIAN_DATA_DIR, or delete all data with npm run reset`,
  )
}

function clusterIdOf(home: string): string {
  const path = join(home, 'cluster-id')
  if (!existsSync(path)) writeFileSync(path, randomBytes(16).toString('base64url').replace(/^-/, 'A'))
  return readFileSync(path, 'utf8')
}

/** The settings of one node. */
export function brokerProperties(id: number, logDir: string, ports: KafkaOptions['ports']): string {
  const count = ports.brokers.length
  const copies = Math.min(count, 3)
  const inSync = Math.max(1, copies - 1)
  const broker = `PLAINTEXT://127.0.0.1:${ports.brokers[id - 1] ?? 0}`
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': ports.controllers.map((port, index) => `${index + 1}@127.0.0.1:${port}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `${broker},CONTROLLER://127.0.0.1:${ports.controllers[id - 1] ?? 0}`,
    'advertised.listeners': broker,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': logDir,
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'broker.session.timeout.ms': 3_000, // a killed broker is not let in again before this has passed
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000, // the failure tests want a dead consumer to be noticed soon
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Writes the settings and, the first time, formats the data directory: under another name until it is complete. */
async function format(context: ServerContext, node: KafkaNode, options: KafkaOptions): Promise<void> {
  const data = join(node.home, `broker-${node.id}`)
  writeFileSync(propertiesFile(node), brokerProperties(node.id, data, options.ports))
  if (existsSync(join(data, 'meta.properties'))) return
  context.report('formatting')
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  const draftProperties = `${propertiesFile(node)}.new`
  writeFileSync(draftProperties, brokerProperties(node.id, draft, options.ports))
  await runCommand({
    command: node.java.command,
    args: [
      ...archiveOf(context, node, false).args,
      ...BRIEF,
      '-cp',
      join(node.jars, '*'),
      'kafka.tools.StorageTool',
      'format',
      '-t',
      node.clusterId,
      '-c',
      draftProperties,
    ],
    env: serverEnv(context.env),
    signal: context.signal,
    keeper: context.keeper,
  })
  rmSync(draftProperties)
  renameSync(draft, data)
}

const propertiesFile = (node: KafkaNode): string => join(node.home, `broker-${node.id}.properties`)

const archiveOf = (context: ServerContext, { java }: KafkaNode, isWriter: boolean): ClassArchive =>
  classArchive(context.cacheDir, `kafka-${mavenArtifact('kafka').version}`, java, isWriter)

function brokerSpec(context: ServerContext, node: KafkaNode): ProcessSpec {
  const name = node.count === 1 ? 'kafka' : `kafka-${node.id}`
  const archive = archiveOf(context, node, node.id === 1)
  const heap = node.count === 1 ? ['-Xms256m', '-Xmx1g'] : ['-Xms128m', '-Xmx512m']
  return {
    name,
    command: node.java.command,
    args: [
      ...heap,
      ...archive.args,
      ...(node.isBrief ? BRIEF : LASTING),
      `-Dlog4j2.configurationFile=${join(node.home, 'log4j2.properties')}`,
      '-cp',
      join(node.jars, '*'),
      'kafka.Kafka',
      propertiesFile(node),
    ],
    env: serverEnv(context.env),
    logFile: join(context.dataDir, 'logs', `${name}.log`),
    stopSignal: 'SIGTERM',
    stopBoundMs: 30_000, // the first end takes seconds: it writes the class archive
    readyBoundMs: 120_000,
    rank: STOP_RANK.server,
    onStopped: archive.keep,
    isReady: ({ log }) => log().includes('Kafka Server started'),
  }
}
