import { resolveSchemas } from '../../platform/avro/resolution.js'
import type { RegistryClient } from '../../platform/avro/registry-client.js'
import { PlatformError } from '../../platform/platform-error.js'
import { UsageError } from '../cli-error.js'

/** A field of the checked schema, or of the reader's. */
interface CheckedField {
  readonly field: string
  /** Why it cannot be read; null when it can. */
  readonly problem: string | null
  /** Values that make their record a dead letter. */
  readonly dead_letters: readonly string[]
  /** Whether only the checked schema has it. */
  readonly is_ignored: boolean
}

/** Why two versions of a subject do not go together. */
interface Conflict {
  readonly version: number
  /** `forward`: the version reads what the checked schema writes; `backward`: the other way round. */
  readonly direction: 'forward' | 'backward'
  readonly field: string | null
  readonly problem: string
}

export interface SchemaCheck {
  readonly readers: {
    readonly accepts: boolean
    readonly problem: string | null
    readonly fields: readonly CheckedField[]
  }
  readonly registry: {
    readonly accepts: boolean
    readonly subject: string
    readonly rule: string
    readonly conflicts: readonly Conflict[]
  }
}

export interface CheckDeps {
  /** The schema by which the topic is read. */
  readonly reader: string
  readonly subject: string
  readonly registry: Pick<RegistryClient, 'compatibility' | 'versions' | 'schemaOfVersion' | 'wouldTake'>
}

/** The unqualified name of a record's schema; undefined when it is none. @throws UsageError for a text that is no JSON */
export function recordNameOf(text: string): string | undefined {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`the file is no JSON: ${cause instanceof Error ? cause.message : 'unreadable'}`)
  }
  const name: unknown = typeof schema === 'object' && schema !== null && 'name' in schema ? schema.name : undefined
  return typeof name === 'string' ? name.split('.').at(-1) : undefined
}

/**
 * Checks a producer's schema: by the code that reads records, and by the registry.
 * @throws UsageError for a text that is no Avro schema; PlatformError REGISTRY_UNAVAILABLE
 */
export async function checkSchema(text: string, { reader, subject, registry }: CheckDeps): Promise<SchemaCheck> {
  const readers = checkReaders(reader, text)
  const rule = await registry.compatibility(subject)
  const accepts = await registry.wouldTake(subject, text).catch((error: unknown) => {
    // A subject that it does not have takes whatever comes first.
    if (error instanceof PlatformError && error.code === 'SCHEMA_UNKNOWN') return true
    throw error
  })
  const conflicts = accepts ? [] : await conflictsOf(text, rule, { subject, registry })
  return { readers, registry: { accepts, subject, rule, conflicts } }
}

function checkReaders(reader: string, text: string): SchemaCheck['readers'] {
  const { problem, fields } = resolveOrRefuse(reader, text)
  const checked = fields.map(({ field, problem: why, limits }): CheckedField => {
    return { field, problem: why ?? null, dead_letters: limits, is_ignored: false }
  })
  const known = new Set(fields.map(({ field }) => field))
  const ignored = problem === undefined ? fieldNames(text).filter((name) => !known.has(name)) : []
  return {
    accepts: problem === undefined && fields.every((field) => field.problem === undefined),
    problem: problem ?? null,
    fields: [
      ...checked,
      ...ignored.map((field): CheckedField => ({ field, problem: null, dead_letters: [], is_ignored: true })),
    ],
  }
}

function resolveOrRefuse(reader: string, text: string): ReturnType<typeof resolveSchemas> {
  try {
    return resolveSchemas(reader, text)
  } catch (cause) {
    throw new UsageError(`the file is no Avro schema: ${cause instanceof Error ? cause.message : 'unreadable'}`)
  }
}

const fieldNames = (text: string): string[] =>
  (JSON.parse(text) as { readonly fields: readonly { readonly name: string }[] }).fields.map(({ name }) => name)

/** Registries say that versions do not go together, and not all of them say why. */
async function conflictsOf(
  text: string,
  rule: string,
  { subject, registry }: Pick<CheckDeps, 'subject' | 'registry'>,
): Promise<Conflict[]> {
  const all = await registry.versions(subject)
  const conflicts: Conflict[] = []
  for (const version of rule.endsWith('_TRANSITIVE') ? all : all.slice(-1)) {
    const theirs = await registry.schemaOfVersion(subject, version)
    if (/^(FORWARD|FULL)/.test(rule))
      conflicts.push(...between(theirs, text).map((found) => ({ version, direction: 'forward' as const, ...found })))
    if (/^(BACKWARD|FULL)/.test(rule))
      conflicts.push(...between(text, theirs).map((found) => ({ version, direction: 'backward' as const, ...found })))
  }
  return conflicts
}

/** By Avro's rules: what is read only sometimes does not go together. */
function between(reader: string, writer: string): Pick<Conflict, 'field' | 'problem'>[] {
  const { problem, fields } = resolveSchemas(reader, writer)
  if (problem !== undefined) return [{ field: null, problem }]
  return fields.flatMap(({ field, problem: why, limits }) => [
    ...(why === undefined ? [] : [{ field, problem: why }]),
    ...limits.map((limit) => ({ field, problem: `${limit} cannot be read` })),
  ])
}
