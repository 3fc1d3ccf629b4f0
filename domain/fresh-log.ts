import { TOPICS } from './events.js'

/** An old log in topics and tables of its own, so that nothing else counts it (ADR 26). */
export interface FreshLog {
  readonly name: string
  /** Its events; a record of `km.clicks.v1` in all but the topic. */
  readonly topic: string
  readonly late: string
  readonly deadLetters: string
  /** The PostgreSQL schema of its rows and checkpoints. */
  readonly schema: string
  readonly groupId: string
}

/** Lower-case letters, digits and single hyphens, 1 to 40 characters. */
export const FRESH_LOG_NAME = /^(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*$/

const TOPIC = /^km\.logs\.([a-z0-9-]+)\.v1$/
const SCHEMA_PREFIX = 'fresh_'

/** @param name as `FRESH_LOG_NAME` has it: no two names share a topic or a schema */
export const freshLogOf = (name: string): FreshLog => ({
  name,
  topic: `km.logs.${name}.v1`,
  late: `km.logs.${name}.late.v1`,
  deadLetters: `km.logs.${name}.dlq.v1`,
  schema: `${SCHEMA_PREFIX}${name.replaceAll('-', '_')}`,
  groupId: `guardian-fresh-${name}`,
})

/** The fresh log whose events a topic holds. @returns undefined for any other topic */
export function freshLogOfTopic(topic: string): FreshLog | undefined {
  const name = TOPIC.exec(topic)?.[1]
  return name !== undefined && FRESH_LOG_NAME.test(name) ? freshLogOf(name) : undefined
}

/** The name of the fresh log that a schema holds. @returns undefined for any other schema */
export function freshLogNameOfSchema(schema: string): string | undefined {
  if (!schema.startsWith(SCHEMA_PREFIX)) return undefined
  const name = schema.slice(SCHEMA_PREFIX.length).replaceAll('_', '-')
  return FRESH_LOG_NAME.test(name) ? name : undefined
}

/** Where the late and dead records of a topic go. */
export const sideTopicsOf = (topic: string): Pick<FreshLog, 'late' | 'deadLetters'> => freshLogOfTopic(topic) ?? TOPICS

/** `/var/log/nginx/access.log.2.gz` → `access`: the file's name without its rotation and compression suffixes. */
const SUFFIXES = /(\.(gz|zst|xz|bz2|log|txt|json|jsonl|\d{1,8})|-\d{8})+$/

/**
 * The name of a fresh log that is named after a file.
 * @param file a path, or `-` for standard input
 */
export function freshLogNameOfFile(file: string): string {
  const base = (file.split(/[/\\]/).at(-1) ?? '').toLowerCase()
  const stem = base.replace(SUFFIXES, '') || base
  const name = stem
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? 'log' : name
}
