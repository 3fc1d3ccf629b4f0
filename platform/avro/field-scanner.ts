import { HEADER_BYTES } from './codec.js'

const STRING = 0
const LONG = 1
const NULL_OR_STRING = 2
const ENUM = 3
/** Seven bytes of a varint are 49 bits, which a double holds exactly. */
const MAX_VARINT_BYTES = 7
const NO_TARGET = -1

interface Step {
  readonly kind: number
  /** Where what it finds goes, or -1 when the reader does not ask for the field. */
  readonly target: number
  /** Symbols of an enum that is read; one that is stepped over may be any number, as in avsc. */
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
  /** Numbers of long fields. */
  readonly longs: Float64Array
  /** Where a string begins, or -1 for null. */
  readonly froms: Int32Array
  readonly tos: Int32Array
  readonly #kinds: Uint8Array
  readonly #targets: Int32Array
  readonly #symbols: Int32Array
  #at = 0
  #to = 0

  private constructor(names: readonly string[], steps: readonly Step[]) {
    this.names = names
    this.longs = new Float64Array(names.length)
    this.froms = new Int32Array(names.length)
    this.tos = new Int32Array(names.length)
    this.#kinds = Uint8Array.from(steps, ({ kind }) => kind)
    this.#targets = Int32Array.from(steps, ({ target }) => target)
    this.#symbols = Int32Array.from(steps, ({ symbols }) => symbols)
  }

  /**
   * A scanner for schemas that avsc has resolved. It knows records of strings, longs, ints that are stepped over,
   * `["null", "string"]`, and enums, whose read fields have the same type on both sides.
   * @returns undefined for any other schema
   */
  static of(readerSchemaText: string, writerSchemaText: string): FieldScanner | undefined {
    const reader = fieldsOf(readerSchemaText)
    const writer = fieldsOf(writerSchemaText)
    if (!reader || !writer || reader.some(({ aliases }) => aliases !== undefined)) return undefined
    const names = reader.map(({ name }) => name)
    const steps: Step[] = []
    for (const field of writer) {
      const kind = kindOf(field.type)
      const target = names.indexOf(field.name)
      const wanted = reader[target]
      if (kind === undefined || (wanted && signatureOf(wanted.type) !== signatureOf(field.type))) return undefined
      if (wanted && field.type === 'int') return undefined
      steps.push({ kind, target: wanted ? target : NO_TARGET, symbols: symbolsOf(field.type)?.length ?? 0 })
    }
    const isWhole = names.every((_, target) => steps.filter((step) => step.target === target).length === 1)
    return isWhole ? new FieldScanner(names, steps) : undefined
  }

  /** @returns whether bytes `from` to before `to` are, after their header, a value of the writer's schema to the last */
  scan(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    this.#at = from + HEADER_BYTES
    this.#to = to
    const kinds = this.#kinds
    for (let i = 0; i < kinds.length; i++) {
      const target = this.#targets[i] ?? NO_TARGET
      switch (kinds[i]) {
        case STRING:
          if (!this.#string(bytes, target)) return false
          break
        case NULL_OR_STRING: {
          const branch = bytes[this.#at++]
          if (branch === 0) {
            if (target !== NO_TARGET) this.froms[target] = NO_TARGET
          } else if (branch !== 2 || !this.#string(bytes, target)) return false
          break
        }
        case LONG: {
          const value = this.#long(bytes)
          if (Number.isNaN(value)) return false
          if (target !== NO_TARGET) this.longs[target] = value
          break
        }
        default: {
          const symbol = this.#long(bytes)
          const isKnown = symbol >= 0 && symbol < (this.#symbols[i] ?? 0)
          if (Number.isNaN(symbol) || (target !== NO_TARGET && !isKnown)) return false
        }
      }
    }
    return this.#at === to
  }

  #string(bytes: Uint8Array, target: number): boolean {
    let length = bytes[this.#at] ?? 1
    if (length < 0x80) {
      this.#at++
      if (length & 1) return false
      length >>= 1
    } else length = this.#long(bytes)
    const from = this.#at
    const to = from + length
    if (!(length >= 0 && to <= this.#to)) return false
    this.#at = to
    if (target !== NO_TARGET) {
      this.froms[target] = from
      this.tos[target] = to
    }
    return true
  }

  /** A zigzag varint, or NaN when it is cut off or too long. */
  #long(bytes: Uint8Array): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[this.#at++]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
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
  const {
    type: name,
    symbols,
    default: preset,
  } = Object(type) as { type?: unknown; symbols?: unknown; default?: unknown }
  return name === 'enum' && Array.isArray(symbols) && preset === undefined ? symbols : undefined
}

const signatureOf = (type: unknown): string => JSON.stringify(symbolsOf(type) ?? plain(type))

function kindOf(type: unknown): number | undefined {
  const simple = plain(type)
  if (simple === 'string') return STRING
  if (simple === 'long' || simple === 'int') return LONG
  if (Array.isArray(simple) && signatureOf(simple) === '["null","string"]') return NULL_OR_STRING
  return symbolsOf(type) ? ENUM : undefined
}
