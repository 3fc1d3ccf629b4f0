import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { protect, protectUrl } from './redact.js'

type Env = Readonly<Record<string, string | undefined>>

/** Secrets: in no message, log line, trace or metric, and in no file that everybody can read. */
export const SECRET_VARIABLES: readonly string[] = [
  'DATABASE_URL',
  'POSTGRES_PASSWORD',
  'POSTGRES_DETECTOR_PASSWORD',
  'POSTGRES_ARCHIVER_PASSWORD',
  'POSTGRES_ORCHESTRATOR_PASSWORD',
  'POSTGRES_API_PASSWORD',
  'KAFKA_TLS_KEY',
  'KAFKA_SASL_PASSWORD',
  'KAFKA_OAUTH_CLIENT_SECRET',
  'SCHEMA_REGISTRY_PASSWORD',
  'SCHEMA_REGISTRY_TOKEN',
  'SCHEMA_REGISTRY_TLS_KEY',
  'TEMPORAL_TLS_KEY',
  'TEMPORAL_API_KEY',
  'SMTP_URL',
  'SLACK_WEBHOOK_URL',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'GUARDIAN_ADMIN_KEY',
]

const CERTIFICATE_VARIABLES: readonly string[] = [
  'KAFKA_TLS_CA',
  'KAFKA_TLS_CERT',
  'SCHEMA_REGISTRY_TLS_CA',
  'SCHEMA_REGISTRY_TLS_CERT',
  'TEMPORAL_TLS_CA',
  'TEMPORAL_TLS_CERT',
  'SMTP_TLS_CA',
]

/** The variables whose value can be in a file instead, which `<variable>_FILE` names. */
export const FILE_VARIABLES: ReadonlySet<string> = new Set([...SECRET_VARIABLES, ...CERTIFICATE_VARIABLES])

/** Of a file that holds one value. */
const MAX_BYTES = 65_536
const READABLE_BY_OTHERS = 0o004

/** The text of a variable, or what is wrong with the file that holds it: in words, without path or content. */
export type VariableText = { readonly text: string | undefined } | { readonly variable: string; readonly fault: string }

/** The text of a variable: its own, or that of the file that `<name>_FILE` names, without the line feed at its end. */
export function variableText(name: string, env: Env): VariableText {
  const variable = `${name}_FILE`
  const path = FILE_VARIABLES.has(name) ? env[variable] : undefined
  if (path === undefined) return { text: env[name] }
  if (env[name] !== undefined) return { variable, fault: `set together with ${name}: set only one of the two` }
  try {
    return readOne(path, name)
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    if (typeof code !== 'string') throw error
    return { variable, fault: `cannot be read (${code})` }
  }
}

function readOne(path: string, name: string): VariableText {
  const variable = `${name}_FILE`
  const file = openSync(path, 'r')
  try {
    const { size, mode } = fstatSync(file)
    if (size > MAX_BYTES) return { variable, fault: `larger than ${MAX_BYTES} bytes` }
    if (SECRET_VARIABLES.includes(name) && (mode & READABLE_BY_OTHERS) !== 0)
      return { variable, fault: 'readable by every user of the machine: chmod o-r the file' }
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    return text === '' ? { variable, fault: 'an empty file' } : { text }
  } finally {
    closeSync(file)
  }
}

/** The text of a variable that others check; empty when there is none, or when its file cannot be used. */
export function textOf(name: string, env: Env): string {
  const found = variableText(name, env)
  return 'text' in found ? (found.text ?? '') : ''
}

/** Whether a variable is given, by itself or by a file. */
export const isGiven = (name: string, env: Env): boolean => Boolean(env[name]) || Boolean(env[`${name}_FILE`])

/** Has every secret of an environment censored from now on. A file that cannot be read is reported by whoever needs it. */
export function protectEnv(env: Env): void {
  for (const name of SECRET_VARIABLES) {
    const found = variableText(name, env)
    for (const text of ['text' in found ? found.text : undefined, env[name]]) if (text) protectVariable(name, text)
  }
}

/** Has the secret in a variable censored: of a URL its password, or for a webhook what follows the host. */
export function protectVariable(name: string, text: string): void {
  if (name === 'SLACK_WEBHOOK_URL') {
    protect(text)
    if (URL.canParse(text)) for (const { pathname, search } of [new URL(text)]) protect(`${pathname}${search}`.slice(1))
  } else if (name.endsWith('_URL')) protectUrl(text)
  else protect(text)
}
