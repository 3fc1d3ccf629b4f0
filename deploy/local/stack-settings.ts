import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Env } from '../../platform/env.js'
import { messageOf } from '../../platform/message-of.js'
import { packageRoot } from '../../platform/package-root.js'
import { isGiven } from '../../platform/variable-text.js'
import { LocalFault } from './local-fault.js'
import { SERVER_NAMES, type ServerName, type ServerPorts } from './servers.js'

/** What one `npm start` was asked for. */
export interface StackOptions {
  /** Undefined: as many as the data has, or one. */
  readonly brokers: number | undefined
  readonly isDemo: boolean
  /** An access log that is read in place of the demo. */
  readonly demoLog: string | undefined
  /** Records per second of the demo. */
  readonly rate: number
  readonly isHelp: boolean
}

export const START_HELP = `npm start -- [options]

  --brokers <n>   a Kafka cluster of 1 or 3 brokers (default: as the data is, else 1)
  --no-demo       do not send the traffic of the simulated shop
  --demo-log <f>  instead, read an access log of any age into a topic of its own
  --rate <n>      records per second of the simulated shop (default 200)
  --help          this text

Servers named by DATABASE_URL, KAFKA_BROKERS, SCHEMA_REGISTRY_URL and TEMPORAL_ADDRESS are used, not started.
Ports and folders: see .env.example.`

/** Reads the words after `npm start --`. @throws LocalFault for a word or number that is not understood */
export function parseStackOptions(args: readonly string[]): StackOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        brokers: { type: 'string' },
        demo: { type: 'boolean', default: true },
        'demo-log': { type: 'string' },
        rate: { type: 'string', default: '200' },
        help: { type: 'boolean', default: false },
      },
    })
    return {
      brokers: values.brokers === undefined ? undefined : parseWhole('--brokers', values.brokers, [1, 3]),
      isDemo: values.demo && values['demo-log'] === undefined,
      demoLog: values['demo-log'],
      rate: parseWhole('--rate', values.rate),
      isHelp: values.help,
    }
  } catch (error) {
    if (error instanceof LocalFault) throw error
    throw new LocalFault(messageOf(error), 'npm start -- --help lists the options', { cause: error })
  }
}

function parseWhole(name: string, text: string, allowed?: readonly number[]): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value >= 1 && (allowed?.includes(value) ?? true)) return value
  throw new LocalFault(
    `${name} ${text} is not ${allowed === undefined ? 'a whole number from 1' : allowed.join(' or ')}`,
    'npm start -- --help lists the options',
  )
}

/** The folder of everything that a clone's stack keeps. Set in the shell, as `.env` is read by others too late for it. */
export const dataDirOf = (env: Env): string => resolve(env['GUARDIAN_DATA_DIR'] ?? join(packageRoot, '.guardian'))

/** The variable that names a server to be used instead of starting one. */
export const GIVEN_BY: Readonly<Record<ServerName, string>> = {
  postgres: 'DATABASE_URL',
  kafka: 'KAFKA_BROKERS',
  registry: 'SCHEMA_REGISTRY_URL',
  temporal: 'TEMPORAL_ADDRESS',
}

/** The servers that are not given. */
export const missingServers = (env: Env): ServerName[] => SERVER_NAMES.filter((name) => !isGiven(GIVEN_BY[name], env))

/** What a server that `npm start` starts does not have: settings for somebody else's. */
const NOT_OF_OURS = [
  ['kafka', 'KAFKA_SECURITY_PROTOCOL', 'PLAINTEXT'],
  ['temporal', 'TEMPORAL_TLS', 'no'],
] as const

/** @throws LocalFault when TLS or a login is set for a server that is to be started here, which has neither */
export function refuseSecurityOfOwnServers(env: Env, parts: readonly ServerName[]): void {
  for (const [part, variable, plain] of NOT_OF_OURS)
    if (parts.includes(part) && env[variable] && env[variable] !== plain)
      throw new LocalFault(
        `${variable} is set, and ${GIVEN_BY[part]} names no server: the one that npm start starts has neither TLS nor logins`,
        `set ${GIVEN_BY[part]}, or do not set ${variable}`,
      )
}

/** A port that the stack listens on, by the variable that changes it. */
export interface StackPort {
  readonly port: number
  readonly variable: string
  readonly usedBy: string
}

/** All ports of a stack: those of its servers for `startServers`, and all of them by name. */
export interface StackPorts {
  readonly servers: Omit<ServerPorts, 'temporalHttp'> & { readonly temporalUi: number }
  readonly api: number
  readonly list: readonly StackPort[]
}

const SERVER_PORTS = {
  GUARDIAN_PG_PORT: 54_329,
  GUARDIAN_KAFKA_PORT: 9_092,
  GUARDIAN_REGISTRY_PORT: 8_081,
  GUARDIAN_TEMPORAL_PORT: 7_233,
  GUARDIAN_TEMPORAL_UI_PORT: 8_233,
} as const

const PROCESS_PORTS = {
  PORT: [8_000, 'the API'],
  DETECTOR_METRICS_PORT: [9_464, "the detector's metrics"],
  ORCHESTRATOR_METRICS_PORT: [9_465, "the orchestrator's metrics"],
  API_METRICS_PORT: [9_466, "the API's metrics"],
  ARCHIVER_METRICS_PORT: [9_467, "the archiver's metrics"],
} as const

/** Variables that only the local stack reads; `.env.example` explains them beside those of the processes. */
export const LOCAL_VARIABLES: readonly string[] = [
  'POSTGRES_PASSWORD',
  'GUARDIAN_DATA_DIR',
  'GUARDIAN_CACHE_DIR',
  'GUARDIAN_MAVEN_REPOSITORY',
  ...Object.keys(SERVER_PORTS),
]

/** Plans where everything listens. @throws LocalFault when a variable is not a port, or one port is used twice */
export function planPorts(env: Env, brokers: number, parts: readonly ServerName[]): StackPorts {
  const server = (variable: keyof typeof SERVER_PORTS) => readPort(env, variable, SERVER_PORTS[variable])
  const kafkaFrom = readPort(env, 'GUARDIAN_KAFKA_PORT', SERVER_PORTS.GUARDIAN_KAFKA_PORT, 65_536 - 2 * brokers)
  const kafka = Array.from({ length: 2 * brokers }, (_, index) => kafkaFrom + index)
  const servers = {
    postgres: server('GUARDIAN_PG_PORT'),
    brokers: kafka.slice(0, brokers),
    controllers: kafka.slice(brokers),
    registry: server('GUARDIAN_REGISTRY_PORT'),
    temporal: server('GUARDIAN_TEMPORAL_PORT'),
    temporalUi: server('GUARDIAN_TEMPORAL_UI_PORT'),
  }
  const byServer: Record<ServerName, StackPort[]> = {
    postgres: [{ port: servers.postgres, variable: 'GUARDIAN_PG_PORT', usedBy: 'PostgreSQL' }],
    kafka: kafka.map((port) => ({ port, variable: 'GUARDIAN_KAFKA_PORT', usedBy: 'Kafka' })),
    registry: [{ port: servers.registry, variable: 'GUARDIAN_REGISTRY_PORT', usedBy: 'the schema registry' }],
    temporal: [
      { port: servers.temporal, variable: 'GUARDIAN_TEMPORAL_PORT', usedBy: 'Temporal' },
      { port: servers.temporalUi, variable: 'GUARDIAN_TEMPORAL_UI_PORT', usedBy: "Temporal's Web UI" },
    ],
  }
  const processes = Object.entries(PROCESS_PORTS).map(([variable, [preset, usedBy]]) => ({
    port: readPort(env, variable, preset),
    variable,
    usedBy,
  }))
  const list = [...parts.flatMap((part) => byServer[part]), ...processes]
  refuseDoubles(list)
  return { servers, api: readPort(env, 'PORT', PROCESS_PORTS.PORT[0]), list }
}

function readPort(env: Env, variable: string, preset: number, highest = 65_535): number {
  const text = env[variable]
  const port = !text ? preset : /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= highest) return port
  throw new LocalFault(`${variable} is not a port`, `set it to a number from 1 to ${highest}, or do not set it`)
}

function refuseDoubles(list: readonly StackPort[]): void {
  for (const [index, one] of list.entries()) {
    const other = list.slice(0, index).find(({ port }) => port === one.port)
    if (other === undefined) continue
    const where = `${one.variable} and ${other.variable}`
    throw new LocalFault(`port ${one.port} is to be used by ${one.usedBy} and by ${other.usedBy}`, `change ${where}`)
  }
}
