import avsc, { type Schema, type Type } from 'avsc'
import { boundBlocks } from './bounded-blocks.js'
import { HEADER_BYTES } from './codec.js'

/** What one field of the reader is read from. */
export interface FieldResolution {
  readonly field: string
  /** Why no value of the writer's field can be read; undefined when it can. */
  readonly problem: string | undefined
  /** Values that the writer may write and the reader cannot read; each makes its record a dead letter. */
  readonly limits: readonly string[]
  /** Whether the writer has no such field, and the reader's default is read. */
  readonly isAbsent: boolean
}

export interface Resolution {
  /** Why nothing can be read: the writer's schema is no record, or has another name. */
  readonly problem: string | undefined
  readonly fields: readonly FieldResolution[]
}

type Convert = (value: unknown) => unknown
type Resolved =
  | { readonly convert: Convert; readonly limits: readonly string[]; readonly problem?: undefined }
  | { readonly problem: string }

interface ResolvedField extends FieldResolution {
  readonly convert: Convert
  readonly writer: Type | undefined
  readonly preset: unknown
}

const NUMBERS: readonly string[] = ['int', 'long', 'float', 'double']
const MAX_INT = 2 ** 31

const same: Convert = (value) => value
const resolved = (convert: Convert = same, limits: readonly string[] = []): Resolved => ({ convert, limits })

/**
 * Says, field by field, whether a reader's record can be read from a writer's, by Avro's rules: promotions, defaults of
 * fields that the writer does not have, symbols by name, branches of unions one by one. Beyond Avro, a wider number is
 * read as a narrower one if its value is exactly that.
 * @throws Error for a text that is no Avro schema
 */
export function resolveSchemas(readerText: string, writerText: string): Resolution {
  const { problem, fields } = resolveRecords(typeOf(readerText), typeOf(writerText))
  return {
    problem,
    fields: fields.map(({ field, problem, limits, isAbsent }) => ({ field, problem, limits, isAbsent })),
  }
}

/**
 * Reads values of one writer's schema as the reader's record, as `resolveSchemas` says.
 * @param wanted whether a field is read, given how it resolves; one that is not read is missing from the values
 * @returns the values; they are undefined when bytes are missing or left over
 * @throws Error at creation when a wanted field cannot be resolved; of the decoder for bytes that are no such value, or
 * that hold a value that the reader cannot read
 */
export function createResolvingDecoder(
  readerText: string,
  writerText: string,
  wanted: (field: FieldResolution) => boolean = () => true,
): (bytes: Buffer) => Readonly<Record<string, unknown>> | undefined {
  boundBlocks()
  const writer = typeOf(writerText)
  const { problem, fields } = resolveRecords(typeOf(readerText), writer)
  const read = fields.filter(wanted)
  const faults = read.flatMap(({ field, problem }) => (problem === undefined ? [] : [`${field}: ${problem}`]))
  if (problem !== undefined || faults.length > 0) throw new Error(problem ?? faults.join('; '))
  // The writer's own types, without the fields that nobody asks for: those are stepped over.
  const types = new Map(read.flatMap(({ field, writer: type }) => (type ? [[field, type] as const] : [])))
  const kept = avsc.Type.forSchema(
    { type: 'record', name: writer.name ?? '', fields: [...types].map(([name, type]) => ({ name, type })) },
    { wrapUnions: true },
  )
  const resolver = kept.createResolver(writer)
  return (bytes) => {
    const decoded: { value: unknown; offset: number } = kept.decode(bytes, HEADER_BYTES, resolver)
    if (decoded.offset !== bytes.length) return undefined
    const values = decoded.value as Readonly<Record<string, unknown>>
    return Object.fromEntries(
      read.map(({ field, convert, isAbsent, preset }) => [
        field,
        isAbsent ? preset : named(field, convert, values[field]),
      ]),
    )
  }
}

function named(field: string, convert: Convert, value: unknown): unknown {
  try {
    return convert(value)
  } catch (cause) {
    throw new Error(`${field}: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause })
  }
}

const typeOf = (schemaText: string): Type => avsc.Type.forSchema(JSON.parse(schemaText) as Schema, { wrapUnions: true })

const unqualified = (name: string | undefined): string => name?.split('.').at(-1) ?? ''

function resolveRecords(
  reader: Type,
  writer: Type,
): { readonly problem: string | undefined; readonly fields: readonly ResolvedField[] } {
  if (!isRecord(reader)) throw new Error('the reader reads no record')
  if (!isRecord(writer)) return { problem: `it is no record but ${describe(writer)}`, fields: [] }
  const name = unqualified(reader.name)
  if (unqualified(writer.name) !== name)
    return { problem: `the record is called ${writer.name ?? 'nothing'}, not ${name}`, fields: [] }
  return { problem: undefined, fields: reader.fields.map((field) => resolveField(field, writer)) }
}

function resolveField(field: avsc.types.Field, writer: avsc.types.RecordType): ResolvedField {
  const { name } = field
  const theirs = writer.fields.find((one) => one.name === name)
  const common = { field: name, limits: [], convert: same, writer: undefined, preset: undefined }
  if (!theirs) {
    const preset: unknown = field.defaultValue()
    const problem = preset === undefined ? 'the field is missing, and there is no default' : undefined
    return { ...common, problem, isAbsent: true, preset: isUnion(field.type) ? unwrapped(preset) : preset }
  }
  const found = resolveType(field.type, theirs.type)
  if (found.problem !== undefined) return { ...common, problem: found.problem, isAbsent: false }
  const { convert, limits } = found
  return { ...common, problem: undefined, limits, isAbsent: false, convert, writer: theirs.type }
}

function resolveType(reader: Type, writer: Type): Resolved {
  if (isUnion(writer)) return resolveWriterUnion(reader, writer)
  if (isUnion(reader)) {
    const found = reader.types.map((branch) => resolveType(branch, writer))
    return found.find(({ problem }) => problem === undefined) ?? notReadable(reader, writer)
  }
  if (isEnum(reader) && isEnum(writer)) return resolveEnum(reader, writer)
  const [wanted, given] = [kindOf(reader), kindOf(writer)]
  if (NUMBERS.includes(wanted) && NUMBERS.includes(given)) return resolveNumber(wanted, given)
  if (wanted === 'string' && given === 'bytes') return resolved((value) => (value as Buffer).toString('utf8'))
  return reader.equals(writer) || (wanted === given && SIMPLE.includes(wanted))
    ? resolved()
    : notReadable(reader, writer)
}

const SIMPLE: readonly string[] = ['null', 'boolean', 'string', 'bytes']

const notReadable = (reader: Type, writer: Type): Resolved => ({
  problem: `${describe(writer)} cannot be read as ${describe(reader)}`,
})

/** Each value says which branch it is of; one that the reader does not have is an error of that value alone. */
function resolveWriterUnion(reader: Type, writer: UnionType): Resolved {
  const branches = writer.types.map((type) => ({ name: branchNameOf(type), found: resolveType(reader, type) }))
  const byName = new Map<string, Convert>()
  const limits: string[] = []
  for (const { name, found } of branches) {
    if (found.problem === undefined) {
      byName.set(name, found.convert)
      limits.push(...found.limits)
    } else limits.push(`a value of type ${name}`)
  }
  if (byName.size === 0) return notReadable(reader, writer)
  return resolved((value) => {
    const name = value === null ? 'null' : (Object.keys(value as object)[0] ?? '')
    const convert = byName.get(name)
    if (!convert) throw new Error(`a value of type ${name} cannot be read as ${describe(reader)}`)
    return convert(unwrapped(value))
  }, limits)
}

/** A union's value without the name of its branch. */
const unwrapped = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Buffer.isBuffer(value) ? Object.values(value)[0] : value

function resolveEnum(reader: avsc.types.EnumType, writer: avsc.types.EnumType): Resolved {
  const unknown = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol))
  if (unknown.length === 0) return resolved()
  const { default: preset } = reader as { readonly default?: string }
  if (preset !== undefined) return resolved((value) => (unknown.includes(String(value)) ? preset : value))
  return resolved(
    (value) => {
      if (unknown.includes(String(value))) throw new Error(`the symbol ${String(value)} is not known`)
      return value
    },
    unknown.map((symbol) => `the symbol ${symbol}`),
  )
}

function resolveNumber(wanted: string, given: string): Resolved {
  if (NUMBERS.indexOf(given) <= NUMBERS.indexOf(wanted)) return resolved()
  if (wanted === 'float') return { problem: 'double cannot be read as float' }
  const fits = (value: number): boolean =>
    wanted === 'int' ? Number.isInteger(value) && value >= -MAX_INT && value < MAX_INT : Number.isSafeInteger(value)
  return resolved(
    (value) => {
      if (!fits(value as number)) throw new Error(`the ${given} is not exactly a number of type ${wanted}`)
      return value
    },
    [`a ${given} that is not exactly a number of type ${wanted}`],
  )
}

type UnionType = Type & { readonly types: readonly Type[] }

const isRecord = (type: Type): type is avsc.types.RecordType => type.typeName === 'record'
const isEnum = (type: Type): type is avsc.types.EnumType => type.typeName === 'enum'
const isUnion = (type: Type): type is UnionType => type.typeName.startsWith('union')

/** A logical type is read as what is beneath it. */
const kindOf = (type: Type): string => type.typeName.replace(/^abstract:|^logical:/, '')
const branchNameOf = (type: Type): string => type.branchName ?? kindOf(type)

function describe(type: Type): string {
  if (isUnion(type)) return `[${type.types.map(describe).join(', ')}]`
  return type.name === undefined ? kindOf(type) : `${kindOf(type)} ${type.name}`
}
