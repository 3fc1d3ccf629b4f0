import { ConfigError, VARIABLES, loadConfig, type VariableName } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { LocalFault } from './local-fault.js'
import { GIVEN_BY } from './stack-settings.js'
import type { ServerName } from './servers.js'

/** What the address of a server that is started here looks like. */
const ADDRESSES: Readonly<Record<ServerName, string>> = {
  postgres: 'postgres://127.0.0.1/guardian',
  kafka: '127.0.0.1:9092',
  registry: 'http://127.0.0.1:8081',
  temporal: '127.0.0.1:7233',
}

/**
 * Checks the settings of every process before the first server starts: a process that refuses them would end the stack
 * a minute later.
 * @param parts the servers that are started here; the others have their addresses in the environment
 * @throws LocalFault naming every bad variable, never a value
 */
export function checkSettings(env: Env, parts: readonly ServerName[]): void {
  const addresses = Object.fromEntries(parts.map((part) => [GIVEN_BY[part], ADDRESSES[part]]))
  try {
    loadConfig(Object.keys(VARIABLES) as VariableName[], { ...env, ...addresses })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new LocalFault(
      `settings: ${error.faults.join('; ')}`,
      'correct them in .env or in the shell; .env.example explains every variable',
      { cause: error },
    )
  }
}
