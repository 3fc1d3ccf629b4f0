import type { DeadLetterCode, ObservedEvent } from '../../domain/detection/fate.js'
import { createDecoder, schemaIdOf } from '../../platform/avro/codec.js'
import { PlatformError } from '../../platform/platform-error.js'

export type Decoded =
  | { readonly event: ObservedEvent; readonly fault?: undefined }
  | { readonly event?: undefined; readonly fault: { readonly code: DeadLetterCode; readonly detail: string } }

type Decoder = (bytes: Buffer) => unknown

/** Schema ids that are remembered; beyond it the oldest unknown one is asked for again. */
const MAX_UNKNOWN_IDS = 10_000

const dead = (detail: string, code: DeadLetterCode = 'DECODE'): Decoded => ({ fault: { code, detail } })

/**
 * Reads the values of one topic. Schemas are looked up before a batch is decided, each id once, so that deciding never
 * waits; ids already known go on while the registry is away.
 */
export class EventDecoder {
  readonly #readerSchema: string
  readonly #schemaById: (id: number) => Promise<string>
  readonly #maxRecordBytes: number
  readonly #decoders = new Map<number, Decoder>()
  readonly #unknown = new Set<number>()

  constructor(readerSchema: string, schemaById: (id: number) => Promise<string>, maxRecordBytes: number) {
    this.#readerSchema = readerSchema
    this.#schemaById = schemaById
    this.#maxRecordBytes = maxRecordBytes
  }

  /** The schema ids of values that have not been looked up yet. */
  missingIds(values: Iterable<Buffer | null>): Set<number> {
    const missing = new Set<number>()
    let last: number | undefined
    for (const value of values) {
      const id = value ? schemaIdOf(value) : undefined
      if (id === last || id === undefined) continue
      last = id
      if (!this.#decoders.has(id) && !this.#unknown.has(id)) missing.add(id)
    }
    return missing
  }

  /**
   * Looks one schema up. An id that the registry does not have, or whose schema cannot be read as an event, is
   * remembered: its records are dead letters.
   * @throws PlatformError REGISTRY_UNAVAILABLE: nothing can be said about its records yet
   */
  async learn(id: number): Promise<void> {
    try {
      this.#decoders.set(id, createDecoder(this.#readerSchema, await this.#schemaById(id)))
    } catch (error) {
      if (error instanceof PlatformError && error.code !== 'SCHEMA_UNKNOWN') throw error
      const oldest = this.#unknown.values().next()
      if (this.#unknown.size >= MAX_UNKNOWN_IDS && !oldest.done) this.#unknown.delete(oldest.value)
      this.#unknown.add(id)
    }
  }

  decode(value: Buffer | null): Decoded {
    if (value === null) return dead('the value is null')
    if (value.length > this.#maxRecordBytes)
      return dead(`the value is larger than ${this.#maxRecordBytes} bytes`, 'TOO_LARGE')
    const id = schemaIdOf(value)
    if (id === undefined) return dead('the value does not begin with byte 0 and a schema id')
    const decoder = this.#decoders.get(id)
    if (!decoder) return dead(`the schema registry has no event schema ${id}`)
    try {
      const event = decoder(value)
      return event === undefined
        ? dead(`the value is too short or too long for schema ${id}`)
        : { event: event as ObservedEvent }
    } catch (error) {
      return dead(`the value is not of schema ${id}: ${error instanceof Error ? error.message : 'unreadable'}`)
    }
  }
}
