import type { Env } from '../../platform/env.js'
import { redact } from '../../platform/redact.js'
import { textOf } from '../../platform/variable-text.js'
import { printAnomalies } from './anomaly-feed.js'
import { checkSettings } from './check-settings.js'
import { demoLogPath, readDemoLog } from './demo-log.js'
import { brokersOf } from './kafka-server.js'
import { LocalFault, explainFault } from './local-fault.js'
import { LocalStack, processStatesFile, type Compile } from './local-stack.js'
import { ProcessStates } from './process-states.js'
import { LEAST_FREE_MB, checkMachine, freeMegabytes } from './preflight.js'
import { runSteps } from './progress.js'
import { cacheDirOf } from './server-cache.js'
import { missingServers, planPorts, refuseSecurityOfOwnServers, type StackOptions } from './stack-settings.js'
import { startKeeper } from './start-keeper.js'
import { supervise } from './supervise.js'
import { watchParent } from './watch-parent.js'
import { openWorkspace, type Workspace } from './workspace.js'

const say = (text: string): void => {
  process.stdout.write(`${redact(text)}\n`)
}

/** A second Ctrl-C within this time is the same one, passed on by npm. */
const SAME_SIGNAL_MS = 1_500

/**
 * Runs the local stack until it is asked to end. A process that crashes is restarted, however often. Everything it started has ended when it returns.
 * @returns the exit code: 0 when it was asked to end
 */
export async function startStack(options: StackOptions, compile: Compile | undefined): Promise<number> {
  const since = new Date(Date.now() - process.uptime() * 1_000)
  const ending = new Ending()
  const workspace = await openWorkspace(say)
  const unwatch = watchParent(workspace.env, () => ending.ask('npm is gone'))
  try {
    const stack = await openStack(options, compile, workspace, ending.signal)
    ending.onForce(() => stack.kill())
    try {
      await runSteps(stack.steps(), ending.signal, (error) => ending.fail(error))
      announce(stack, workspace)
      await keepUp(stack, options, workspace.env, ending, since)
    } catch (error) {
      if (!ending.signal.aborted) ending.fail(error)
    } finally {
      say(ending.isAsked ? `\nending (${ending.reason}): Ctrl-C again to end at once` : 'ending')
      await stack.stop()
      await stack.options.keeper.close()
    }
  } finally {
    unwatch()
    ending.close()
    workspace.lock.release()
  }
  if (ending.isAsked) {
    say('ended: nothing is left running')
    return 0
  }
  say(explainFault(ending.failure))
  const freeMb = await freeMegabytes(workspace.dataDir)
  if (freeMb < LEAST_FREE_MB) say(`  → only ${freeMb} MB are free on the disk of ${workspace.dataDir}: free some space`)
  return 1
}

async function openStack(
  options: StackOptions,
  compile: Compile | undefined,
  { env, dataDir, childrenFile }: Workspace,
  signal: AbortSignal,
): Promise<LocalStack> {
  if (options.demoLog !== undefined) demoLogPath(options.demoLog, env)
  const parts = missingServers(env)
  refuseSecurityOfOwnServers(env, parts)
  const brokers = options.brokers ?? brokersOf(dataDir) ?? 1
  if (options.brokers !== undefined && !parts.includes('kafka')) {
    throw new LocalFault('--brokers is of no use: KAFKA_BROKERS names the cluster to use', 'leave out one of the two')
  }
  const ports = planPorts(env, brokers, parts)
  checkSettings(env, parts)
  await checkMachine(env, parts, ports.list, [dataDir, cacheDirOf(env)])
  const demoRate = options.isDemo ? options.rate : undefined
  const keeper = startKeeper(childrenFile)
  return LocalStack.open({ env, dataDir, parts, ports, brokers, demoRate, keeper, signal, compile })
}

function announce(stack: LocalStack, { dataDir, env }: Workspace): void {
  const { ports, parts, brokers } = stack.options
  const api = `http://127.0.0.1:${ports.api}`
  const addresses = stack.addresses()
  const lines: [string, string][] = [
    ['API', api],
    ['API docs', `${api}/docs`],
    [
      'Temporal UI',
      parts.includes('temporal')
        ? `http://127.0.0.1:${ports.servers.temporalUi}`
        : `(of ${addresses['TEMPORAL_ADDRESS'] ?? ''})`,
    ],
    ['Kafka', `${addresses['KAFKA_BROKERS'] ?? ''}${brokers > 1 ? ` (${brokers} brokers)` : ''}`],
    ['PostgreSQL', addresses['DATABASE_URL'] ?? '(of DATABASE_URL_FILE)'],
    ['Schema registry', addresses['SCHEMA_REGISTRY_URL'] ?? ''],
    ['Admin key', 'GUARDIAN_ADMIN_KEY in .env (Authorization: Bearer ...)'],
    ['Data and logs', dataDir],
    ['Command line', 'npx guardian --help'],
  ]
  say(
    `\nClickstream Guardian is running. Ctrl-C ends it${env['npm_lifecycle_event'] === undefined ? '' : '; the data stays'}.\n`,
  )
  for (const [name, value] of lines) say(`  ${name.padEnd(16)} ${value}`)
  say('')
}

/** Prints anomalies and keeps the processes up, until the end is asked for. */
async function keepUp(
  stack: LocalStack,
  { demoLog }: StackOptions,
  env: Env,
  ending: Ending,
  since: Date,
): Promise<void> {
  const { signal } = ending
  const apiUrl = `http://127.0.0.1:${stack.options.ports.api}`
  const seen = { apiUrl, adminKey: textOf('GUARDIAN_ADMIN_KEY', env), signal, say }
  const feed = printAnomalies({ ...seen, since })
  const work = [feed]
  if (demoLog !== undefined) {
    const own = { ...env, ...stack.addresses() }
    work.push(readDemoLog({ ...seen, file: demoLogPath(demoLog, env), env: own, keeper: stack.options.keeper }))
  }
  const states = new ProcessStates(processStatesFile(stack.options.dataDir))
  const supervised = stack.processes.map((process_) => supervise(process_, { signal, say, states }))
  for (const one of [...work, ...supervised]) void one.catch((error: unknown) => ending.fail(error))
  await ending.over
  states.close()
}

/** Why and when a run ends: asked by a signal, or because something failed. */
class Ending {
  readonly #controller = new AbortController()
  readonly over: Promise<void>
  reason = ''
  failure: unknown
  isAsked = false
  #askedAt = 0
  #force: () => void = () => undefined
  readonly #onSignal = (signal: NodeJS.Signals) => this.#receive(signal)
  readonly #onError = (error: unknown) => this.fail(error)

  constructor() {
    this.over = new Promise((resolve) => this.signal.addEventListener('abort', () => resolve()))
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#onSignal)
    for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, this.#onError)
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => this.ask('the terminal is gone'))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  ask(reason: string): void {
    if (this.signal.aborted) return
    this.isAsked = true
    this.reason = reason
    this.#askedAt = performance.now()
    this.#controller.abort(new Error(reason))
  }

  fail(error: unknown): void {
    if (this.signal.aborted) return
    this.failure = error
    this.#controller.abort(error)
  }

  onForce(force: () => void): void {
    this.#force = force
  }

  close(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#onSignal)
    for (const event of ['uncaughtException', 'unhandledRejection']) process.off(event, this.#onError)
  }

  #receive(signal: NodeJS.Signals): void {
    if (!this.signal.aborted) this.ask(signal)
    else if (performance.now() - this.#askedAt > SAME_SIGNAL_MS) this.#force()
  }
}
