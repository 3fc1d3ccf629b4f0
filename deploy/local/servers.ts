import { resolve } from 'node:path'
import type { Env } from '../../platform/env.js'
import { startKafka } from './kafka-server.js'
import type { ManagedProcess } from './managed-process.js'
import { findFreePorts } from './ports.js'
import { startPostgres } from './postgres-server.js'
import { startRegistry } from './registry-server.js'
import { cacheDirOf } from './server-cache.js'
import type { RunningServer, ServerContext } from './server-context.js'
import { startKeeper, type Keeper } from './start-keeper.js'
import { startTemporal } from './temporal-server.js'

export const SERVER_NAMES = ['postgres', 'kafka', 'registry', 'temporal'] as const
export type ServerName = (typeof SERVER_NAMES)[number]

/** A port for every listener; those of servers that are not started are not used. */
export interface ServerPorts {
  readonly postgres: number
  readonly brokers: readonly number[]
  readonly controllers: readonly number[]
  readonly registry: number
  readonly temporal: number
  readonly temporalHttp: number
  /** Without it, Temporal has no Web UI. */
  readonly temporalUi?: number
}

export interface ServersOptions {
  /** What to start. The registry keeps its schemas in PostgreSQL if that is among them, else in a file. */
  readonly parts: readonly ServerName[]
  /** Where the servers keep data and logs. Under root, PostgreSQL's data is elsewhere if others cannot reach this. */
  readonly dataDir: string
  /** Fixed ports, or any that are free. */
  readonly ports: ServerPorts | 'free'
  /** The environment in which commands are found and caches looked up. */
  readonly env: Env
  /** @default 1 */
  readonly brokers?: number
  /** Off, PostgreSQL starts and writes faster, and a power cut ruins its data. @default true */
  readonly fsync?: boolean
  /** Runs for minutes, as a test does: Kafka starts with half the CPU, and never becomes as fast. @default false */
  readonly isBrief?: boolean
  /** PostgreSQL's password. */
  readonly password: string
  /** @default a keeper of their own, which ends with `stop` */
  readonly keeper?: Keeper
  readonly signal?: AbortSignal
  /** Told what each server is doing, often. */
  readonly report?: (server: ServerName, text: string) => void
}

/** A process of a server: `pid`, `kill(signal)`, `stop()`, `restart()` with the same data and ports, `exited`. */
export type ServerHandle = ManagedProcess

export interface RunningServers {
  readonly databaseUrl: string | undefined
  /** `host:port,host:port` */
  readonly kafkaBrokers: string | undefined
  /** The base to which clients append `/subjects`. */
  readonly schemaRegistryUrl: string | undefined
  readonly temporalAddress: string | undefined
  readonly postgres: ServerHandle | undefined
  /** In the order of the addresses. */
  readonly brokers: readonly ServerHandle[]
  readonly registry: ServerHandle | undefined
  readonly temporal: ServerHandle | undefined
  stop: () => Promise<void>
}

/**
 * The servers of one data directory, each to be started once: `start` for one, so that a caller can show how each gets
 * on, and `stop` for all, in reverse.
 */
export class ServerSet {
  readonly #started = new Map<ServerName, Promise<RunningServer>>()
  readonly #running = new Map<ServerName, RunningServer>()
  readonly #keeper: Keeper

  private constructor(
    readonly options: ServersOptions,
    readonly ports: ServerPorts,
  ) {
    this.#keeper = options.keeper ?? startKeeper()
  }

  static async create(options: ServersOptions): Promise<ServerSet> {
    return new ServerSet(options, options.ports === 'free' ? await freePorts(options.brokers ?? 1) : options.ports)
  }

  /** Starts a server, and before it the one that it needs. Asked again, gives the one that runs. */
  start(name: ServerName): Promise<RunningServer> {
    const started = this.#started.get(name) ?? this.#launch(name)
    this.#started.set(name, started)
    return started
  }

  /** What runs now. */
  get running(): ReadonlyMap<ServerName, RunningServer> {
    return this.#running
  }

  /** Ends all that run, PostgreSQL last. A start that is under way is waited for: abort it with the options' signal. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#started.values())
    const stopOf = (name: ServerName) => this.#running.get(name)?.processes.map((process_) => process_.stop()) ?? []
    await Promise.all([...stopOf('registry'), ...stopOf('temporal'), ...stopOf('kafka')])
    await Promise.all(stopOf('postgres'))
    if (this.options.keeper === undefined) await this.#keeper.close()
  }

  async #launch(name: ServerName): Promise<RunningServer> {
    const { options, ports } = this
    const context: ServerContext = {
      dataDir: resolve(options.dataDir),
      cacheDir: resolve(cacheDirOf(options.env)),
      env: options.env,
      keeper: this.#keeper,
      signal: options.signal,
      report: (text) => options.report?.(name, text),
    }
    const server = await this.#startOne(name, context, ports)
    this.#running.set(name, server)
    return server
  }

  async #startOne(name: ServerName, context: ServerContext, ports: ServerPorts): Promise<RunningServer> {
    const { password, fsync = true, isBrief = false, parts } = this.options
    switch (name) {
      case 'postgres':
        return startPostgres(context, { port: ports.postgres, password, fsync })
      case 'kafka':
        return startKafka(context, { ports, isBrief })
      case 'registry': {
        const onPostgres = parts.includes('postgres')
        const ready = onPostgres ? () => this.start('postgres') : undefined
        return startRegistry(
          context,
          { port: ports.registry, postgres: onPostgres ? { port: ports.postgres, password } : undefined },
          ready,
        )
      }
      case 'temporal':
        return startTemporal(context, { port: ports.temporal, httpPort: ports.temporalHttp, uiPort: ports.temporalUi })
    }
  }
}

/** Starts servers together and waits until all are ready. @throws what the first failed one threw, with all ended */
export async function startServers(options: ServersOptions): Promise<RunningServers> {
  const set = await ServerSet.create(options)
  try {
    await Promise.all(options.parts.map((part) => set.start(part)))
  } catch (error) {
    await set.stop()
    throw error
  }
  return describeServers(set)
}

/** The addresses and processes of what runs in a set. */
export function describeServers(set: ServerSet): RunningServers {
  const { running } = set
  return {
    databaseUrl: running.get('postgres')?.url,
    kafkaBrokers: running.get('kafka')?.url,
    schemaRegistryUrl: running.get('registry')?.url,
    temporalAddress: running.get('temporal')?.url,
    postgres: running.get('postgres')?.processes[0],
    brokers: running.get('kafka')?.processes ?? [],
    registry: running.get('registry')?.processes[0],
    temporal: running.get('temporal')?.processes[0],
    stop: () => set.stop(),
  }
}

async function freePorts(brokers: number): Promise<ServerPorts> {
  const [postgres = 0, registry = 0, temporal = 0, temporalHttp = 0, ...kafka] = await findFreePorts(4 + 2 * brokers)
  return {
    postgres,
    registry,
    temporal,
    temporalHttp,
    brokers: kafka.slice(0, brokers),
    controllers: kafka.slice(brokers),
  }
}
