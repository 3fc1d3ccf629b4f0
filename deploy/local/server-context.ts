import type { Env } from '../../platform/env.js'
import type { ManagedProcess } from './managed-process.js'
import type { FetchContext } from './server-cache.js'
import type { Keeper } from './start-keeper.js'

/** What every server's start is given. */
export interface ServerContext extends FetchContext {
  /** Everything that the stack keeps lies under here. */
  readonly dataDir: string
  readonly keeper: Keeper
}

/** A server that runs: clients use it by its URL, failure tests by its processes. */
export interface RunningServer {
  readonly url: string
  readonly processes: readonly ManagedProcess[]
  /** What a person should know about this start; shown beside the address. */
  readonly notes?: readonly string[]
}

/** Servers end after everything that uses them, and PostgreSQL after the registry, which writes to it. */
export const STOP_RANK = { postgres: 10, server: 20, process: 30 } as const

const PASSED_ON = [
  'PATH',
  'HOME',
  'JAVA_HOME',
  'JAVA_TOOL_OPTIONS',
  'TMPDIR',
  'TZ',
  'LANG',
  'LC_ALL',
  'LD_LIBRARY_PATH',
  'GOPATH',
  'GOPROXY',
  'GOFLAGS',
]

/** What servers see of the environment: no secret that they have no use for. */
export function serverEnv(env: Env): Record<string, string> {
  return Object.fromEntries(PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
