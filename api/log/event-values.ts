import { schemaIdOf } from '../../platform/avro/codec.js'
import { createResolvingDecoder } from '../../platform/avro/resolution.js'
import { PlatformError } from '../../platform/platform-error.js'
import { READER_SCHEMAS } from '../../schemas/avro-schemas.js'

/** An event with all its fields, as it lies in the log; nobody has checked what they say. */
export type EventFields = Readonly<Record<string, unknown>>

export type ReadValue =
  { readonly event: EventFields; readonly fault?: undefined } | { readonly event?: undefined; readonly fault: string }

interface KnownSchema {
  readonly decode: ((bytes: Buffer) => unknown) | undefined
  /** Until when this is believed, by the clock of `performance.now`: an id that the registry does not have can come. */
  readonly untilMs: number
}

/** Writers' schemas that are remembered. */
const MAX_SCHEMAS = 1_000
/** For how long an id that the registry does not have is taken for unknown. */
const UNKNOWN_FOR_MS = 5_000

/** Reads whole values of the topics of events, to be shown. */
export class EventValues {
  readonly #schemaById: (id: number) => Promise<string>
  readonly #schemas = new Map<string, KnownSchema>()

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

  async #decoderOf(topic: string, id: number): Promise<KnownSchema['decode']> {
    const name = `${topic} ${id}`
    const known = this.#schemas.get(name)
    if (known && performance.now() < known.untilMs) return known.decode
    const oldest = this.#schemas.keys().next()
    if (this.#schemas.size >= MAX_SCHEMAS && !oldest.done) this.#schemas.delete(oldest.value)
    const learned = await this.#learn(topic, id)
    this.#schemas.set(name, learned)
    return learned.decode
  }

  async #learn(topic: string, id: number): Promise<KnownSchema> {
    const reader = READER_SCHEMAS[topic]
    if (reader === undefined) return { decode: undefined, untilMs: Number.POSITIVE_INFINITY }
    let schema: string
    try {
      schema = await this.#schemaById(id)
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === 'SCHEMA_UNKNOWN')) throw error
      return { decode: undefined, untilMs: performance.now() + UNKNOWN_FOR_MS }
    }
    return { decode: decoderOf(reader, schema), untilMs: Number.POSITIVE_INFINITY }
  }
}

function decoderOf(reader: string, schema: string): KnownSchema['decode'] {
  try {
    return createResolvingDecoder(reader, schema)
  } catch (error) {
    if (error instanceof Error) return undefined // no event, whatever it is
    throw error
  }
}

/** Fields that name a person or lead to one. */
const PERSONAL: readonly string[] = ['user_id', 'ip', 'user_agent']

/** An event for whoever may not see persons: those fields are null, and the rest is as it was. */
export const withoutPersons = (event: EventFields): EventFields =>
  Object.fromEntries(Object.entries(event).map(([name, value]) => [name, PERSONAL.includes(name) ? null : value]))
