import type { Config } from '../config.js'
import { tlsOptions } from '../tls.js'
import type { RegistrySettings } from './registry-client.js'

/** What a process needs from the environment to ask the schema registry. */
export const REGISTRY_CONNECTION_VARIABLES = [
  'SCHEMA_REGISTRY_URL',
  'SCHEMA_REGISTRY_TIMEOUT_MS',
  'SCHEMA_REGISTRY_USERNAME',
  'SCHEMA_REGISTRY_PASSWORD',
  'SCHEMA_REGISTRY_TOKEN',
  'SCHEMA_REGISTRY_TLS_CA',
  'SCHEMA_REGISTRY_TLS_CERT',
  'SCHEMA_REGISTRY_TLS_KEY',
] as const

export type RegistryConnectionConfig = Config<(typeof REGISTRY_CONNECTION_VARIABLES)[number]>

/** The connection as the configuration says, which has checked that nothing is missing. */
export function registrySettings(config: RegistryConnectionConfig): RegistrySettings {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password } = config
  const { SCHEMA_REGISTRY_TOKEN: token } = config
  const basic =
    username !== undefined && password !== undefined ? { kind: 'basic' as const, username, password } : undefined
  const login = token === undefined ? basic : { kind: 'bearer' as const, token }
  return {
    url: config.SCHEMA_REGISTRY_URL,
    timeoutMs: config.SCHEMA_REGISTRY_TIMEOUT_MS,
    tls: tlsOptions({
      ca: config.SCHEMA_REGISTRY_TLS_CA,
      cert: config.SCHEMA_REGISTRY_TLS_CERT,
      key: config.SCHEMA_REGISTRY_TLS_KEY,
    }),
    ...(login === undefined ? {} : { login }),
  }
}
