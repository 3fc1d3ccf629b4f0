import { HEADER_BYTES } from './codec.js'

const STRING = 0
const LONG = 1
const NULL_OR_STRING = 2
const ENUM = 3
const INT = 4
const MAX_INT = 2 ** 31 - 1
/** Seven bytes of a varint are 49 bits, which a double holds exactly. */
const MAX_VARINT_BYTES = 7
const NO_TARGET = -1

interface Step {
  readonly kind: number
  /** Where what it finds goes, or -1 when the reader does not ask for the field. */
  readonly target: number
  /** Of an enum that is read: so many of its first symbols the reader knows, too. One that is stepped over may be any number, as in avsc. */
  readonly symbols: number
}

interface Field {
  readonly name: string
  readonly type: unknown
  readonly aliases?: unknown
}

/**
 * Finds the fields of a reader's record in the bytes of a writer's, without making a value of any. It only says yes to
 * bytes that the Avro decoder takes too, and with the same values; what it does not know, and what looks wrong in any
 * way, it leaves to that decoder.
 */
export class FieldScanner {
  /** Names of the reader's fields; what `scan` found of each is under the same index. */
  readonly names: readonly string[]
  /** Numbers of long and int fields, and of an enum the number of its symbol, by the writer. */
  readonly longs: Float64Array
  /** The writer's symbols of each enum field. */
  readonly symbols: readonly (readonly string[])[]
  /** Where a string begins, or -1 for null. */
  readonly froms: Int32Array
  readonly tos: Int32Array
  readonly #kinds: Uint8Array
  readonly #targets: Int32Array
  readonly #symbols: Int32Array
  /** Behind the number that was read last. */
  #end = 0

  private constructor(names: readonly string[], steps: readonly Step[], symbols: readonly (readonly string[])[]) {
    this.names = names
    this.symbols = symbols
    this.longs = new Float64Array(names.length)
    this.froms = new Int32Array(names.length)
    this.tos = new Int32Array(names.length)
    this.#kinds = Uint8Array.from(steps, ({ kind }) => kind)
    this.#targets = Int32Array.from(steps, ({ target }) => target)
    this.#symbols = Int32Array.from(steps, ({ symbols }) => symbols)
  }

  /**
   * A scanner for schemas that avsc has resolved. It knows records of strings, longs, ints, `["null", "string"]`, and enums,
   * whose read fields have the same type on both sides, but for symbols that the writer adds.
   * @returns undefined for any other schema
   */
  static of(readerSchemaText: string, writerSchemaText: string): FieldScanner | undefined {
    const reader = fieldsOf(readerSchemaText)
    const writer = fieldsOf(writerSchemaText)
    if (!reader || !writer || reader.some(({ aliases }) => aliases !== undefined)) return undefined
    const names = reader.map(({ name }) => name)
    const steps: Step[] = []
    const symbols = names.map((): readonly string[] => [])
    for (const field of writer) {
      const kind = kindOf(field.type)
      const target = names.indexOf(field.name)
      const wanted = reader[target]
      if (kind === undefined || (wanted && (kindOf(wanted.type) !== kind || hasDefault(wanted.type)))) return undefined
      const own = symbolsOf(field.type)
      if (wanted && own) symbols[target] = own.map(String)
      steps.push({
        kind,
        target: wanted ? target : NO_TARGET,
        symbols: wanted ? knownSymbols(wanted.type, field.type) : 0,
      })
    }
    const isWhole = names.every((_, target) => steps.filter((step) => step.target === target).length === 1)
    return isWhole ? new FieldScanner(names, steps, symbols) : undefined
  }

  /** @returns whether bytes `from` to before `to` are, after their header, a value of the writer's schema to the last */
  scan(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const kinds = this.#kinds
    let at = from + HEADER_BYTES
    for (let i = 0; i < kinds.length; i++) {
      const target = this.#targets[i] ?? NO_TARGET
      switch (kinds[i]) {
        case STRING:
          at = this.#string(bytes, at, to, target)
          break
        case NULL_OR_STRING: {
          const branch = bytes[at++]
          if (branch === 2) at = this.#string(bytes, at, to, target)
          else if (branch !== 0) return false
          else if (target !== NO_TARGET) this.froms[target] = NO_TARGET
          break
        }
        default: {
          const value = this.#long(bytes, at)
          at = this.#end
          if (Number.isNaN(value)) return false
          if (target === NO_TARGET) break
          if (kinds[i] === ENUM && !(value >= 0 && value < (this.#symbols[i] ?? 0))) return false
          if (kinds[i] === INT && !(value >= -MAX_INT && value <= MAX_INT)) return false
          this.longs[target] = value
        }
      }
      if (at < 0) return false
    }
    return at === to
  }

  /** @returns where it ends, or -1 when it does not end before `to` */
  #string(bytes: Uint8Array, at: number, to: number, target: number): number {
    let length = bytes[at] ?? 1
    let from = at + 1
    if (length >= 0x80) {
      length = this.#long(bytes, at)
      from = this.#end
    } else length = length & 1 ? -1 : length >> 1
    const end = from + length
    if (!(length >= 0 && end <= to)) return -1
    if (target !== NO_TARGET) {
      this.froms[target] = from
      this.tos[target] = end
    }
    return end
  }

  /** A zigzag varint, or NaN when it is cut off or too long. */
  #long(bytes: Uint8Array, from: number): number {
    let value = 0
    let scale = 1
    for (let at = from; at < from + MAX_VARINT_BYTES; at++) {
      const byte = bytes[at]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.#end = at + 1
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
      scale *= 128
    }
    return Number.NaN
  }
}

function fieldsOf(schemaText: string): Field[] | undefined {
  const schema = JSON.parse(schemaText) as { readonly type?: unknown; readonly fields?: unknown }
  return schema.type === 'record' && Array.isArray(schema.fields) ? (schema.fields as Field[]) : undefined
}

/** A logical type is read as what is beneath it. */
const plain = (type: unknown): unknown =>
  typeof type === 'object' && type !== null && 'type' in type && type.type === 'long' ? 'long' : type

function symbolsOf(type: unknown): readonly unknown[] | undefined {
  const { type: name, symbols } = Object(type) as { type?: unknown; symbols?: unknown }
  return name === 'enum' && Array.isArray(symbols) ? symbols : undefined
}

/** Of an enum: the reader takes it for a symbol that it does not know, which the scanner leaves to the decoder. */
const hasDefault = (type: unknown): boolean => symbolsOf(type) !== undefined && 'default' in Object(type)

/** How many of the writer's symbols come before the first that the reader does not know. */
function knownSymbols(reader: unknown, writer: unknown): number {
  const known = symbolsOf(reader) ?? []
  const theirs = symbolsOf(writer) ?? []
  const unknown = theirs.findIndex((symbol) => !known.includes(symbol))
  return unknown < 0 ? theirs.length : unknown
}

function kindOf(type: unknown): number | undefined {
  const simple = plain(type)
  if (simple === 'string') return STRING
  if (simple === 'long') return LONG
  if (simple === 'int') return INT
  if (Array.isArray(simple) && JSON.stringify(simple) === '["null","string"]') return NULL_OR_STRING
  return symbolsOf(type) ? ENUM : undefined
}
