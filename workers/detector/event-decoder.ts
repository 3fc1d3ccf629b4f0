import type { DeadLetterCode, ObservedEvent } from '../../domain/detection/fate.js'
import type { TextSlice } from '../../domain/text.js'
import { schemaIdOf } from '../../platform/avro/codec.js'
import { FieldScanner } from '../../platform/avro/field-scanner.js'
import { createResolvingDecoder, resolveSchemas } from '../../platform/avro/resolution.js'
import type { RecordList } from '../../platform/kafka/record-list.js'
import { PlatformError } from '../../platform/platform-error.js'
import { eventOf, ScannedEvent, type DecodedEvent, type Source } from './read-event.js'

export type Decoded =
  | { readonly event: ObservedEvent<TextSlice>; readonly fault?: undefined }
  | { readonly event?: undefined; readonly fault: { readonly code: DeadLetterCode; readonly detail: string } }

/** How the values of one schema id are read: quickly where that is sure, else by avsc. */
interface SchemaReader {
  readonly decode: (bytes: Buffer) => Readonly<Record<string, unknown>> | undefined
  readonly scanned: ScannedEvent | undefined
}

/** When the registry was asked for an id that it did not have, in ms of the decoder's clock. */
interface UnknownId {
  readonly sinceMs: number
  readonly askedMs: number
}

export interface DecoderSettings {
  readonly schemaById: (id: number) => Promise<string>
  readonly maxRecordBytes: number
  /** The registry is asked again for an id that it did not have when the answer is older than this. @default 10 s */
  readonly recheckMs?: number
  /** A clock that never goes back, in ms. @default `performance.now` */
  readonly nowMs?: () => number
}

/** Schemas that are asked for at once. */
const MAX_LOOKUPS = 32
/** Unknown schema ids that are remembered; beyond it, the oldest one counts as never seen. */
const MAX_UNKNOWN_IDS = 10_000
const RECHECK_MS = 10_000

/** What becomes of a record whose schema the registry did not have when it was first read. */
export const refusedSchema = (id: number): Decoded =>
  dead(`the schema registry had no schema ${id} when the record was read first`)

const dead = (detail: string, code: DeadLetterCode = 'DECODE'): Decoded => ({ fault: { code, detail } })

/**
 * Reads the values of one topic. Schemas are looked up before a batch is decided, so that deciding never waits; records of
 * ids that are known can be decided while the registry is unavailable.
 */
export class EventDecoder {
  readonly #readerSchema: string
  readonly #schemaById: (id: number) => Promise<string>
  readonly #maxRecordBytes: number
  readonly #recheckMs: number
  readonly #nowMs: () => number
  readonly #readers = new Map<number, SchemaReader>()
  readonly #source: Source = { records: undefined, at: 0 }
  #lastId = -1
  #lastReader: SchemaReader | undefined
  /** Why a schema cannot be read as an event, by its id: the registry never changes what an id stands for. */
  readonly #unreadable = new Map<number, string>()
  readonly #unknown = new Map<number, UnknownId>()

  constructor(readerSchema: string, settings: DecoderSettings) {
    this.#readerSchema = readerSchema
    this.#schemaById = settings.schemaById
    this.#maxRecordBytes = settings.maxRecordBytes
    this.#recheckMs = settings.recheckMs ?? RECHECK_MS
    this.#nowMs = settings.nowMs ?? (() => performance.now())
  }

  /** The schema ids of values that the registry has to be asked for. */
  missingIds(values: Iterable<Buffer | null>): Set<number> {
    const missing = new Set<number>()
    let last: number | undefined
    for (const value of values) {
      const id = value ? schemaIdOf(value) : undefined
      if (id === last || id === undefined) continue
      last = id
      if (this.isDue(id)) missing.add(id)
    }
    return missing
  }

  /** Whether the registry has never been asked for an id, or did not have it and the answer is older than `maxAgeMs`. */
  isDue(id: number, maxAgeMs = this.#recheckMs): boolean {
    if (this.#readers.has(id) || this.#unreadable.has(id)) return false
    const unknown = this.#unknown.get(id)
    return unknown === undefined || this.#nowMs() - unknown.askedMs >= maxAgeMs
  }

  /** For how long an id has been unknown to the registry, in ms; undefined when it is known or was never asked for. */
  unknownForMs(id: number): number | undefined {
    const unknown = this.#unknown.get(id)
    return unknown && this.#nowMs() - unknown.sinceMs
  }

  /** Whether values of an id can be read as events, as far as the registry has said. */
  stateOf(id: number): 'readable' | 'unreadable' | 'unknown' {
    return this.#readers.has(id) ? 'readable' : this.#unreadable.has(id) ? 'unreadable' : 'unknown'
  }

  /**
   * Looks schemas up, some at a time: records with made-up ids must not cost the others one round trip each.
   * @throws PlatformError REGISTRY_UNAVAILABLE: nothing can be said about their records yet
   */
  async learnAll(ids: Iterable<number>): Promise<void> {
    const left = [...ids]
    const learnSome = async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) await this.learn(id)
    }
    await Promise.all(Array.from({ length: Math.min(MAX_LOOKUPS, left.length) }, learnSome))
  }

  /**
   * Looks one schema up. An id that the registry does not have is remembered for a time, and one whose schema cannot be
   * read as an event for good: their records are dead letters.
   * @throws PlatformError REGISTRY_UNAVAILABLE: nothing can be said about its records yet
   */
  async learn(id: number): Promise<void> {
    let schema: string
    try {
      schema = await this.#schemaById(id)
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === 'SCHEMA_UNKNOWN')) throw error
      this.#rememberUnknown(id)
      return
    }
    this.#unknown.delete(id)
    try {
      this.#readers.set(id, readerOf(this.#readerSchema, schema, this.#source))
    } catch (error) {
      this.#unreadable.set(id, error instanceof Error ? error.message : 'it is no Avro schema')
    }
  }

  #rememberUnknown(id: number): void {
    const nowMs = this.#nowMs()
    const { sinceMs } = this.#unknown.get(id) ?? { sinceMs: nowMs }
    const oldest = this.#unknown.keys().next()
    if (this.#unknown.size >= MAX_UNKNOWN_IDS && !oldest.done) this.#unknown.delete(oldest.value)
    this.#unknown.set(id, { sinceMs, askedMs: nowMs })
  }

  /** Reads one value. The event is valid until the next call. */
  decode(value: Buffer | null): Decoded {
    this.#source.records = undefined
    return value === null ? dead('the value is null') : this.#decode(value, 0, value.length)
  }

  /** Reads the value of one record of a batch. The event is valid until the next call. */
  decodeAt(records: RecordList, i: number): Decoded {
    this.#source.records = records
    this.#source.at = i
    const from = records.valueFromAt(i)
    return from < 0 ? dead('the value is null') : this.#decode(records.bytes, from, records.valueToAt(i))
  }

  #decode(bytes: Buffer, from: number, to: number): Decoded {
    if (to - from > this.#maxRecordBytes)
      return dead(`the value is larger than ${this.#maxRecordBytes} bytes`, 'TOO_LARGE')
    const id = schemaIdOf(bytes, from, to)
    if (id === undefined) return dead('the value does not begin with byte 0 and a schema id')
    const reader = this.#readerOf(id)
    if (!reader) return dead(this.#whyUnread(id))
    if (reader.scanned?.read(bytes, from, to)) return reader.scanned
    try {
      const event = reader.decode(bytes.subarray(from, to))
      return event === undefined
        ? dead(`the value is too short or too long for schema ${id}`)
        : { event: eventOf(event as unknown as DecodedEvent, this.#source) }
    } catch (error) {
      return dead(`the value cannot be read by schema ${id}: ${error instanceof Error ? error.message : 'unreadable'}`)
    }
  }

  #whyUnread(id: number): string {
    const problem = this.#unreadable.get(id)
    return problem === undefined
      ? `the schema registry has no schema ${id}`
      : `schema ${id} cannot be read as an event: ${problem}`
  }

  #readerOf(id: number): SchemaReader | undefined {
    if (id !== this.#lastId || !this.#lastReader) {
      this.#lastReader = this.#readers.get(id)
      this.#lastId = id
    }
    return this.#lastReader
  }
}

/**
 * Reads the fields that the writer has and that can be read. Those with a default may be missing, or be something else
 * under the same name: no event is lost for a field that no rule looks at.
 * @throws Error when the writer's schema cannot be read as an event
 */
function readerOf(readerSchema: string, schema: string, source: Source): SchemaReader {
  const optional = optionalOf(readerSchema)
  const left = new Set(
    resolveSchemas(readerSchema, schema).fields.flatMap(({ field, problem, isAbsent }) =>
      optional.includes(field) && (isAbsent || problem !== undefined) ? [field] : [],
    ),
  )
  const decode = createResolvingDecoder(readerSchema, schema, ({ field }) => !left.has(field))
  const scanner = FieldScanner.of(without(readerSchema, left), schema)
  return { decode, scanned: scanner && new ScannedEvent(scanner, source) }
}

interface RecordSchema {
  readonly fields: readonly { readonly name: string }[]
}

const optionalOf = (schema: string): string[] =>
  (JSON.parse(schema) as RecordSchema).fields.flatMap((field) => ('default' in field ? [field.name] : []))

function without(schema: string, left: ReadonlySet<string>): string {
  const record = JSON.parse(schema) as RecordSchema
  return JSON.stringify({ ...record, fields: record.fields.filter(({ name }) => !left.has(name)) })
}
