import { join } from 'node:path'
import type { Env } from '../../platform/env.js'
import { LARGE_STATE_ENV } from '../../platform/large-state.js'
import { textOf } from '../../platform/variable-text.js'
import { packageRoot } from '../../platform/package-root.js'
import type { ProcessSpec } from './managed-process.js'
import { answers } from './registry-server.js'
import { STOP_RANK } from './server-context.js'

/** One of our own programs, as `npm start` runs it. */
export interface AppProcess {
  readonly name: string
  readonly title: string
  readonly script: string
  /** Where it answers with success once it is ready. */
  readonly readyPath: string
  /** The variable of the port where it does, and the port without it. */
  readonly readyPort: readonly [variable: string, preset: string]
  /** What its environment has unless somebody else has set it. */
  readonly env?: Env
}

/** The processes of Guardian, in the order in which they are shown. */
export const APP_PROCESSES: readonly AppProcess[] = [
  {
    name: 'detector',
    title: 'Detector',
    script: 'dist/workers/detector/main.js',
    readyPath: '/metrics',
    readyPort: ['DETECTOR_METRICS_PORT', '9464'],
    env: LARGE_STATE_ENV,
  },
  {
    name: 'archiver',
    title: 'Archiver',
    script: 'dist/workers/archiver/main.js',
    readyPath: '/metrics',
    readyPort: ['ARCHIVER_METRICS_PORT', '9467'],
  },
  {
    name: 'orchestrator',
    title: 'Orchestrator (Temporal worker)',
    script: 'dist/workers/orchestrator/main.js',
    readyPath: '/metrics',
    readyPort: ['ORCHESTRATOR_METRICS_PORT', '9465'],
  },
  {
    name: 'api',
    title: 'API',
    script: 'dist/api/main.js',
    readyPath: '/readyz',
    readyPort: ['PORT', '8000'],
  },
]

/** The command that brings database, topics and schemas up to date. @param withRoles makes the logins of the processes, too */
export const setupCommand = (withRoles: boolean): readonly string[] => [
  ...[join(packageRoot, 'dist/cli/main.js'), 'setup', '--json'],
  ...(withRoles ? ['--roles'] : []),
]

/** The environment of a process that has a login of its own to the database of `DATABASE_URL`. */
export function withOwnLogin(app: AppProcess, env: Env): Env {
  const url = new URL(env['DATABASE_URL'] ?? '')
  url.username = `guardian_${app.name}`
  url.password = textOf(`POSTGRES_${app.name.toUpperCase()}_PASSWORD`, env)
  return { ...env, DATABASE_URL: url.href }
}

/** So many records of the simulated shop on each of the days before today: enough for figures that say something. */
const PAST_DAY_RECORDS = 50_000

/** The command that sends the traffic of a past day. @param ifEmpty unless there is traffic already: event time only goes forward */
export const pastDayCommand = (day: string, seed: number, ifEmpty: boolean): readonly string[] => [
  join(packageRoot, 'dist/cli/main.js'),
  ...['simulate', '--day', day, '--events', String(PAST_DAY_RECORDS), '--seed', String(seed), '--json'],
  ...(ifEmpty ? ['--if-empty'] : []),
]

/** The command that starts the figures of days that have none, or older ones. It does not wait for them. */
export const figuresCommand = (from: string, to: string): readonly string[] => [
  join(packageRoot, 'dist/cli/main.js'),
  ...['kpi', 'backfill', '--from', from, '--to', to, '--no-wait', '--json'],
]

/** The command that sends the traffic of the simulated shop, without end. */
const demoCommand = (rate: number): readonly string[] => [
  join(packageRoot, 'dist/cli/main.js'),
  ...['simulate', '--live', '--rate', String(rate), '--json'],
]

/** How one of our processes is started and ended. */
export function processSpec(app: AppProcess, env: Env, dataDir: string): ProcessSpec {
  const [variable, preset] = app.readyPort
  const url = `http://127.0.0.1:${env[variable] ? env[variable] : preset}${app.readyPath}`
  return {
    ...nodeSpec(app.name, [join(packageRoot, app.script)], { ...app.env, ...env }, dataDir),
    rank: STOP_RANK.process,
    isReady: () => answers(url),
  }
}

/** How the demo is started and ended. */
export const demoSpec = (rate: number, env: Env, dataDir: string): ProcessSpec => ({
  ...nodeSpec('demo', demoCommand(rate), env, dataDir),
  rank: STOP_RANK.process,
  isReady: () => true,
})

const nodeSpec = (name: string, args: readonly string[], env: Env, dataDir: string) => ({
  name,
  command: process.execPath,
  args: ['--enable-source-maps', ...args],
  env,
  logFile: join(dataDir, 'logs', `${name}.log`),
  stopSignal: 'SIGTERM' as const,
  stopBoundMs: 25_000, // above SHUTDOWN_DEADLINE_MS, within which it ends by itself
  readyBoundMs: 60_000,
})
