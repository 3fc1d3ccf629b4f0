import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TOPICS } from '../domain/events.js'
import { findFreePorts } from '../deploy/local/ports.js'
import { startServers, type RunningServers } from '../deploy/local/servers.js'
import { LARGE_STATE_ENV } from '../platform/large-state.js'
import { packageRoot } from '../platform/package-root.js'

/** Real servers in a temporary directory, as every figure is measured on. */
export interface Stage {
  readonly brokers: string
  readonly schemaRegistryUrl: string
  readonly databaseUrl: string
  /** The environment of a process that works on them. */
  readonly env: NodeJS.ProcessEnv
  readonly stop: () => Promise<void>
}

/** Fetch sizes that detector and ruler share. */
export const FETCH = { maxBytes: 4_194_304, maxBytesPerPartition: 1_048_576 }

/** PostgreSQL (with fsync), Kafka with four partitions a topic, and the registry, with tables, topics and schemas. */
export async function openStage(): Promise<Stage> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guardian-bench-'))
  chmodSync(dataDir, 0o711)
  const servers = await startServers({
    parts: ['postgres', 'kafka', 'registry'],
    dataDir,
    ports: 'free',
    env: process.env,
    password: randomBytes(12).toString('hex'),
    report: () => undefined,
  })
  const { databaseUrl, kafkaBrokers, schemaRegistryUrl } = addresses(servers)
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    KAFKA_BROKERS: kafkaBrokers,
    SCHEMA_REGISTRY_URL: schemaRegistryUrl,
    KAFKA_PARTITIONS: '4',
    FETCH_MAX_BYTES: String(FETCH.maxBytes),
    FETCH_MAX_BYTES_PER_PARTITION: String(FETCH.maxBytesPerPartition),
    LOG_LEVEL: 'warn',
  }
  await runToEnd('cli/main.js', ['setup', '--json'], env)
  const stop = async () => {
    await servers.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { brokers: kafkaBrokers, schemaRegistryUrl, databaseUrl, env, stop }
}

function addresses({ databaseUrl, kafkaBrokers, schemaRegistryUrl }: RunningServers) {
  if (!databaseUrl || !kafkaBrokers || !schemaRegistryUrl) throw new Error('a server of the bench has no address')
  return { databaseUrl, kafkaBrokers, schemaRegistryUrl }
}

/** Runs one of our programs to its end and gives what it printed. @throws Error when it fails */
export async function runToEnd(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [join(packageRoot, 'dist', program), ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program} ended with ${code}`)
  return output
}

export interface DetectorSample {
  readonly atMs: number
  readonly records: number
  readonly cpuSeconds: number
  readonly rssBytes: number
  /** Records of each partition of the clicks that this process has and has not processed yet. */
  readonly lags: readonly number[]
  /** Entries of the detection state, as of the last checkpoints. */
  readonly state: { readonly sessions: number; readonly panes: number; readonly eventIds: number }
}

export interface DetectorProcess {
  readonly pid: number
  /** What its metrics say now; undefined while it does not answer. */
  readonly sample: () => Promise<DetectorSample | undefined>
  readonly stop: () => Promise<void>
}

/** A consumer group that nobody has been in. */
export const newGroupId = (): string => `bench-${randomBytes(4).toString('hex')}`

export interface DetectorStart {
  /** @default a group of its own */
  readonly groupId?: string
  /** For Node itself. */
  readonly nodeArgs?: readonly string[]
}

/** Starts a detector. */
export async function startDetector(
  env: NodeJS.ProcessEnv,
  { groupId = newGroupId(), nodeArgs = [] }: DetectorStart = {},
): Promise<DetectorProcess> {
  const [port = 0] = await findFreePorts(1)
  const child = spawn(process.execPath, [...nodeArgs, join(packageRoot, 'dist/workers/detector/main.js')], {
    env: { ...LARGE_STATE_ENV, ...env, DETECTOR_METRICS_PORT: String(port), DETECTOR_GROUP_ID: groupId },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const { pid } = child
  if (pid === undefined) throw new Error('the detector could not be started')
  const sample = async (): Promise<DetectorSample | undefined> => {
    if (child.exitCode !== null) throw new Error(`the detector ended with ${child.exitCode}`)
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (response) => response.text(),
      () => undefined,
    )
    if (text === undefined) return undefined
    return {
      atMs: performance.now(),
      records: sumOf(text, 'guardian_records_total'),
      cpuSeconds: sumOf(text, 'process_cpu_seconds_total'),
      rssBytes: sumOf(text, 'process_resident_memory_bytes'),
      state: {
        sessions: entries(text, 'sessions'),
        panes: entries(text, 'panes'),
        eventIds: entries(text, 'event_ids'),
      },
      lags: valuesOf(text, 'guardian_lag_records', `topic="${TOPICS.clicks}"`),
    }
  }
  const stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
  return { pid, sample, stop }
}

/** The values of a metric, of the series whose labels say `label`. */
const valuesOf = (metrics: string, name: string, label = ''): number[] =>
  metrics
    .split('\n')
    .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))

const sumOf = (metrics: string, name: string, label = ''): number =>
  valuesOf(metrics, name, label).reduce((sum, value) => sum + value, 0)

const entries = (metrics: string, what: string): number => sumOf(metrics, 'guardian_state_entries', `what="${what}"`)

/** The middle one, or the higher of the two in the middle. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** The value below which `share` of the values lie. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
