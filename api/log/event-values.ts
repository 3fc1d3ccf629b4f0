import { TOPICS } from '../../domain/events.js'
import { createDecoder, schemaIdOf } from '../../platform/avro/codec.js'
import { PlatformError } from '../../platform/platform-error.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'

/** An event with all its fields, as it lies in the log; nobody has checked what they say. */
export type EventFields = Readonly<Record<string, unknown>>

export type ReadValue =
  { readonly event: EventFields; readonly fault?: undefined } | { readonly event?: undefined; readonly fault: string }

type Decode = (bytes: Buffer) => unknown

/** Writers' schemas that are remembered. */
const MAX_SCHEMAS = 1_000

/** Reads whole values of the topics of events, to be shown. */
export class EventValues {
  readonly #schemaById: (id: number) => Promise<string>
  readonly #decoders = new Map<string, Decode | undefined>()

  constructor(schemaById: (id: number) => Promise<string>) {
    this.#schemaById = schemaById
  }

  /** @throws when the registry does not answer */
  async read(topic: string, value: Buffer | null): Promise<ReadValue> {
    if (value === null) return { fault: 'the value is null' }
    const id = schemaIdOf(value)
    if (id === undefined) return { fault: 'the value does not begin with byte 0 and a schema id' }
    const decode = await this.#decoderOf(topic, id)
    if (decode === undefined) return { fault: `there is no event schema ${id}` }
    try {
      const event = decode(value)
      return event === undefined
        ? { fault: `the value is too short or too long for schema ${id}` }
        : { event: event as EventFields }
    } catch (error) {
      return { fault: `the value is not of schema ${id}: ${error instanceof Error ? error.message : 'unreadable'}` }
    }
  }

  async #decoderOf(topic: string, id: number): Promise<Decode | undefined> {
    const name = `${topic} ${id}`
    if (this.#decoders.has(name)) return this.#decoders.get(name)
    const oldest = this.#decoders.keys().next()
    if (this.#decoders.size >= MAX_SCHEMAS && !oldest.done) this.#decoders.delete(oldest.value)
    const decode = await this.#learn(topic, id)
    this.#decoders.set(name, decode)
    return decode
  }

  async #learn(topic: string, id: number): Promise<Decode | undefined> {
    const reader = topic === TOPICS.clicks || topic === TOPICS.purchases ? AVRO_SCHEMAS[topic] : undefined
    if (reader === undefined) return undefined
    try {
      return createDecoder(reader, await this.#schemaById(id))
    } catch (error) {
      if (error instanceof PlatformError && error.code !== 'SCHEMA_UNKNOWN') throw error
      return undefined
    }
  }
}

/** Fields that name a person or lead to one. */
const PERSONAL: readonly string[] = ['user_id', 'ip', 'user_agent']

/** An event for whoever may not see persons: those fields are null, and the rest is as it was. */
export const withoutPersons = (event: EventFields): EventFields =>
  Object.fromEntries(Object.entries(event).map(([name, value]) => [name, PERSONAL.includes(name) ? null : value]))
