import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Env } from '../../platform/env.js'
import { packageRoot } from '../../platform/package-root.js'
import { redact } from '../../platform/redact.js'
import { textOf } from '../../platform/variable-text.js'
import {
  APP_PROCESSES,
  demoSpec,
  figuresCommand,
  pastDayCommand,
  processSpec,
  setupCommand,
  withOwnLogin,
  type AppProcess,
} from './app-processes.js'
import { setupFault } from './setup-fault.js'
import { ManagedProcess, type ProcessSpec } from './managed-process.js'
import { findFreePorts } from './ports.js'
import { sendPastDays } from './past-days.js'
import type { Step } from './progress.js'
import { runCommand } from './run-command.js'
import { serverEnv } from './server-context.js'
import { ServerSet, describeServers, type ServerName } from './servers.js'
import { removeStackEnv, writeStackEnv } from './stack-env.js'
import { GIVEN_BY, type StackPorts } from './stack-settings.js'
import type { Keeper } from './start-keeper.js'
import { killGroup } from './stop-processes.js'

/** Where the supervisor writes which processes have crashed. */
export const processStatesFile = (dataDir: string): string => join(dataDir, 'process-states.json')

/** Compiles what is out of date; `execute` runs a command to its end. */
export type Compile = (
  report: (text: string) => void,
  execute: (command: readonly string[]) => Promise<unknown>,
) => Promise<void>

export interface LocalStackOptions {
  readonly env: Env
  readonly dataDir: string
  readonly parts: readonly ServerName[]
  readonly ports: StackPorts
  readonly brokers: number
  /** Records per second of the demo; without it there is none. */
  readonly demoRate: number | undefined
  readonly keeper: Keeper
  readonly signal: AbortSignal
  /** Undefined when everything is compiled. */
  readonly compile: Compile | undefined
}

const DAY_MS = 86_400_000

const TITLES: Readonly<Record<ServerName, string>> = {
  postgres: 'PostgreSQL',
  kafka: 'Kafka',
  registry: 'Schema registry',
  temporal: 'Temporal',
}

/** A piece of the start, which may need others. */
interface Work {
  readonly title: string
  /** @returns what to add to the title when it is done */
  readonly run: (report: (text: string) => void) => Promise<string | undefined>
}

/** The servers, processes and demo of one `npm start`. */
export class LocalStack {
  readonly #processes: ManagedProcess[] = []
  readonly #work: ReadonlyMap<string, Work>
  readonly #begun = new Map<string, Promise<string | undefined>>()

  private constructor(
    readonly options: LocalStackOptions,
    readonly servers: ServerSet,
    readonly reports: Map<string, (text: string) => void>,
  ) {
    const { compile, parts, demoRate } = options
    this.#work = new Map([
      ...(compile === undefined ? [] : [['compile', this.#compiling(compile)] as const]),
      ...parts.map((name) => [name, this.#serving(name)] as const),
      ['setup', { title: 'Database, topics and schemas', run: (report) => this.#setUp(report) }],
      ...APP_PROCESSES.map((app) => [app.name, this.#processing(app)] as const),
      ...(demoRate === undefined ? [] : [['demo', this.#demonstrating(demoRate)] as const]),
    ])
  }

  static async open(options: LocalStackOptions): Promise<LocalStack> {
    const [temporalHttp = 0] = await findFreePorts(1)
    const { env, dataDir, parts, brokers, keeper, signal } = options
    const reports = new Map<string, (text: string) => void>()
    const servers = await ServerSet.create({
      ...{ env, dataDir, parts, brokers, keeper, signal },
      ports: { ...options.ports.servers, temporalHttp },
      password: textOf('POSTGRES_PASSWORD', env),
      report: (name, text) => reports.get(name)?.(text),
    })
    return new LocalStack(options, servers, reports)
  }

  /** Everything there is to do, each step waiting for those it needs. */
  steps(): Step[] {
    return [...this.#work].map(([name, { title }]) => ({
      title,
      run: (report) => {
        this.reports.set(name, report)
        return this.#need(name)
      },
    }))
  }

  /** Every process of ours that runs: what a supervisor has to watch. */
  get processes(): readonly ManagedProcess[] {
    return [...this.#processes, ...[...this.servers.running.values()].flatMap((server) => server.processes)]
  }

  /** A PostgreSQL that somebody else runs may have logins of its own: every process uses the one that is given. */
  get #hasOwnPostgres(): boolean {
    return this.options.parts.includes('postgres')
  }

  /** The addresses, as the command line gets them, and our processes but for their logins. */
  addresses(): Record<string, string> {
    const { env, dataDir, parts, brokers, ports } = this.options
    const running = describeServers(this.servers)
    const own: Record<ServerName, string | undefined> = {
      postgres: running.databaseUrl,
      kafka: running.kafkaBrokers,
      registry: running.schemaRegistryUrl,
      // Known before it runs: fetching it can take minutes longer than all else.
      temporal: parts.includes('temporal') ? `127.0.0.1:${ports.servers.temporal}` : undefined,
    }
    const copies = { KAFKA_REPLICATION_FACTOR: brokers, KAFKA_MIN_INSYNC_REPLICAS: Math.max(1, brokers - 1) }
    const archive = env['ARCHIVE_URL'] ? env['ARCHIVE_URL'] : pathToFileURL(join(dataDir, 'archive')).href
    const addresses: Record<string, string> = { PORT: String(ports.api), ARCHIVE_URL: archive }
    for (const [name, variable] of Object.entries(GIVEN_BY) as [ServerName, string][]) {
      const file = own[name] === undefined ? env[`${variable}_FILE`] : undefined
      if (file === undefined) addresses[variable] = own[name] ?? env[variable] ?? ''
      else addresses[`${variable}_FILE`] = file
    }
    const chosen = {
      SUPERVISOR_STATE_FILE: processStatesFile(dataDir),
      ALERT_BASE_URL: `http://localhost:${ports.api}`,
      ...(parts.includes('temporal') ? { TEMPORAL_UI_URL: `http://localhost:${ports.servers.temporalUi}` } : {}),
      ...(parts.includes('kafka') ? copies : {}),
    }
    for (const [name, value] of Object.entries(chosen)) addresses[name] = env[name] ? env[name] : String(value)
    return addresses
  }

  /** Ends everything, the users of a server before the server. */
  async stop(): Promise<void> {
    removeStackEnv(this.options.dataDir)
    await Promise.allSettled(this.#begun.values())
    await Promise.all(this.#processes.map((process_) => process_.stop()))
    await this.servers.stop()
  }

  /** Kills everything at once, for whoever cannot wait. */
  kill(): void {
    for (const { pid } of this.processes) if (pid !== undefined) killGroup(pid)
  }

  /** Begins a piece of work if nobody has, and waits for it. What is not to be done is not waited for. */
  #need(name: string): Promise<string | undefined> {
    const report = (text: string) => this.reports.get(name)?.(text)
    const begun = this.#begun.get(name) ?? this.#work.get(name)?.run(report) ?? Promise.resolve(undefined)
    this.#begun.set(name, begun)
    return begun
  }

  #compiling(compile: Compile): Work {
    const { env, keeper, signal } = this.options
    const execute = ([command = '', ...args]: readonly string[]) =>
      runCommand({ command, args, env: serverEnv(env), cwd: packageRoot, keeper, signal, boundMs: 900_000 })
    return { title: 'TypeScript', run: (report) => compile(report, execute).then(() => 'compiled') }
  }

  #serving(name: ServerName): Work {
    return {
      title: TITLES[name],
      run: () => this.servers.start(name).then(({ url, notes = [] }) => [redact(url), ...notes].join('; ')),
    }
  }

  async #setUp(report: (text: string) => void): Promise<string> {
    const { env, dataDir, keeper, signal } = this.options
    report('waiting for the servers')
    await Promise.all(['compile', 'postgres', 'kafka', 'registry'].map((name) => this.#need(name)))
    report('migrating, creating topics, registering schemas')
    const own = { ...env, ...this.addresses() }
    const args = setupCommand(this.#hasOwnPostgres)
    await runCommand({ command: process.execPath, args, env: own, keeper, signal }).catch((cause: unknown) => {
      signal.throwIfAborted()
      throw setupFault(cause, this.#hasOwnPostgres, join(dataDir, 'logs'))
    })
    writeStackEnv(dataDir, this.addresses())
    return 'up to date'
  }

  #processing(app: AppProcess): Work {
    const run = async (report: (text: string) => void) => {
      const { env, dataDir } = this.options
      report('waiting for the servers')
      await Promise.all([this.#need('setup'), this.#need('temporal')])
      report('starting')
      const own = { ...env, ...this.addresses() }
      await this.#run(processSpec(app, this.#hasOwnPostgres ? withOwnLogin(app, own) : own, dataDir))
      return undefined
    }
    return { title: app.title, run }
  }

  #demonstrating(rate: number): Work {
    const run = async (report: (text: string) => void) => {
      const { env, dataDir } = this.options
      report('waiting for detector, archiver and orchestrator')
      await Promise.all(['detector', 'archiver', 'orchestrator'].map((name) => this.#need(name)))
      const own = { ...env, ...this.addresses() }
      report('sending two past days')
      await this.#sendPastDays(own)
      await this.#run(demoSpec(rate, own, dataDir))
      return `${rate} events/s`
    }
    return { title: 'Simulated shop', run }
  }

  /** The days before today, oldest first, and then their figures; live traffic goes on behind them. */
  async #sendPastDays(env: Env): Promise<void> {
    const { keeper, signal, dataDir } = this.options
    const execute = (args: readonly string[]) => runCommand({ command: process.execPath, args, env, keeper, signal })
    const dayOf = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10)
    const [oldest = dayOf(2)] = await sendPastDays(
      join(dataDir, 'past-days.json'),
      [dayOf(2), dayOf(1)],
      async (day, position, ifEmpty) => {
        const { stdout } = await execute(pastDayCommand(day, 2 - position, ifEmpty))
        return !(JSON.parse(stdout) as { skipped?: boolean }).skipped
      },
    )
    await execute(figuresCommand(oldest, dayOf(1)))
  }

  async #run(spec: ProcessSpec): Promise<void> {
    const process_ = new ManagedProcess(spec, this.options.keeper)
    this.#processes.push(process_)
    await process_.start(this.options.signal)
  }
}
