import { stackState } from '../../deploy/local/stack-state.js'
import { GIVEN_BY } from '../../deploy/local/stack-settings.js'
import { ConfigError } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { isGiven } from '../../platform/variable-text.js'

const AWAY: ReadonlySet<unknown> = new Set([
  'GRD_STORE_UNAVAILABLE',
  'GRD_TEMPORAL_UNAVAILABLE',
  'KAFKA_UNAVAILABLE',
  'REGISTRY_UNAVAILABLE',
])

/**
 * What to do about a server that a command did not find, if that is because of the local stack.
 * @returns undefined for another error, and while a stack runs whose servers were found
 */
export function stackHint(error: unknown, env: Env): string | undefined {
  const missing = error instanceof ConfigError ? missingAddresses(error, env) : []
  const state = stackState(env)
  if (missing.length === 0) {
    if (!isAway(error)) return undefined
    if ('pid' in state)
      return `the stack (process ${state.pid}) still starts this server, or restarts it: its terminal shows which`
    // Without a trace of a local stack it is somebody else's server.
    return state.status === 'killed' ? 'the stack was killed: start it with `npm start`' : undefined
  }
  if ('pid' in state) return `the stack (process ${state.pid}) is still starting: wait until it says that it is running`
  return `no stack is running: start one with \`npm start\`, or set ${missing.join(', ')} to your servers`
}

const missingAddresses = ({ faults }: ConfigError, env: Env): string[] =>
  Object.values(GIVEN_BY).filter((name) => !isGiven(name, env) && faults.some((fault) => fault.startsWith(`${name}:`)))

function isAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (AWAY.has(Reflect.get(at, 'code'))) return true
  return false
}
