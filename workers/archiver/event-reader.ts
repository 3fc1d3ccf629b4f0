import type { DeadLetterCode } from '../../domain/detection/fate.js'
import { faultOf } from '../../domain/events/event-fault.js'
import { schemaIdOf } from '../../platform/avro/codec.js'
import { createResolvingDecoder, type FieldResolution } from '../../platform/avro/resolution.js'
import { EventDecoder } from '../detector/event-decoder.js'
import type { ArchivedEvent } from './event-columns.js'

export interface EventReaderSettings {
  /** What detection reads of an event: whether a record is valid is decided by that alone. */
  readonly observedSchema: string
  /** All fields. */
  readonly fullSchema: string
  readonly schemaById: (id: number) => Promise<string>
  readonly maxRecordBytes: number
  readonly recheckMs?: number
  readonly maxFutureSkewMs: number
}

export type ReadRecord =
  | { readonly event: ArchivedEvent; readonly isWhole: boolean; readonly fault?: undefined }
  | { readonly event?: undefined; readonly isWhole: false; readonly fault: DeadLetterCode }

/**
 * Reads records as the detector does, by the same steps, so that exactly those are archived that it does not call dead
 * letters; and then all their fields.
 */
export class EventReader {
  readonly #settings: EventReaderSettings
  readonly #observed: EventDecoder
  readonly #full = new Map<number, (bytes: Buffer) => unknown>()

  constructor(settings: EventReaderSettings) {
    this.#settings = settings
    const { observedSchema, schemaById, fullSchema } = settings
    const optional = optionalFieldsOf(fullSchema)
    const remember = async (id: number): Promise<string> => {
      const schema = await schemaById(id)
      try {
        // An optional field that has become something else is left out, as the detector does it.
        const isRead = ({ field, problem }: FieldResolution) => problem === undefined || !optional.has(field)
        this.#full.set(id, createResolvingDecoder(fullSchema, schema, isRead))
      } catch {
        this.#full.delete(id) // the detector cannot read it either
      }
      return schema
    }
    this.#observed = new EventDecoder(observedSchema, { ...settings, schemaById: remember })
  }

  /** Has to know the schemas of records before they are read. */
  get decoder(): EventDecoder {
    return this.#observed
  }

  /** @param appendMs the record's log append time */
  read(value: Buffer | null, appendMs: number): ReadRecord {
    const { event, fault } = this.#observed.decode(value)
    if (!event) return { fault: fault.code, isWhole: false }
    const invalid = faultOf(event, appendMs, this.#settings.maxFutureSkewMs)
    if (invalid) return { fault: invalid.code, isWhole: false }
    const whole = this.#readFull(value)
    return whole ? { event: whole, isWhole: true } : { fault: 'DECODE', isWhole: false }
  }

  /** @returns undefined when a field cannot be read: an event is never archived without its fields */
  #readFull(value: Buffer | null): ArchivedEvent | undefined {
    if (value === null) return undefined
    const decode = this.#full.get(schemaIdOf(value) ?? -1)
    try {
      return decode?.(value) as ArchivedEvent | undefined
    } catch (error) {
      if (error instanceof Error) return undefined
      throw error
    }
  }
}

const optionalFieldsOf = (schema: string): ReadonlySet<string> => {
  const { fields } = JSON.parse(schema) as { readonly fields: readonly { readonly name: string }[] }
  return new Set(fields.flatMap((field) => ('default' in field ? [field.name] : [])))
}
