import { clientOf, type Client } from '../../domain/detection/client.js'
import type { ObservedEvent } from '../../domain/detection/fate.js'
import { traceparentOf } from '../../domain/detection/traceparent.js'
import { TextSlice } from '../../domain/text.js'
import type { FieldScanner } from '../../platform/avro/field-scanner.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import type { RecordList } from '../../platform/kafka/record-list.js'

/** The record that an event was read of; no record for a value alone. */
export interface Source {
  records: RecordList | undefined
  at: number
}

/** As the Avro decoder gives it; purchases have no client. */
export type DecodedEvent = Omit<ObservedEvent, 'client' | 'traceparent'> & {
  readonly ip?: string | null
  readonly user_agent?: string | null
}

/**
 * The event of the value that was read last; one object for all values of a schema. Its accessors are the class's: own
 * ones, put on it later, would have V8 keep it as a dictionary, and look every field up by name.
 */
class ReadEvent implements ObservedEvent<TextSlice> {
  readonly event_id = new TextSlice()
  event_ts = 0
  ingest_ts = 0
  readonly session_id = new TextSlice()
  user_id: TextSlice | null = null
  item_id: TextSlice | null = null
  event_type: string | undefined
  page: TextSlice | undefined
  order_id: TextSlice | undefined
  quantity: number | undefined
  unit_price: number | undefined
  currency: TextSlice | undefined
  readonly #source: Source
  readonly #readClient: () => Client | undefined
  readonly #readProducer: () => string | undefined

  constructor(source: Source, readClient: () => Client | undefined, readProducer: () => string | undefined) {
    this.#source = source
    this.#readClient = readClient
    this.#readProducer = readProducer
  }

  get source(): string | undefined {
    return this.#readProducer()
  }

  get client(): Client | undefined {
    return this.#readClient()
  }

  /** Headers are not looked at unless somebody asks for the trace. */
  get traceparent(): string | undefined {
    const { records, at } = this.#source
    return traceparentOf(lastHeader(records?.recordAt(at).headers, 'traceparent'))
  }
}

const sliceOf = (text: string): TextSlice => new TextSlice().setString(text)

/** The event that the Avro decoder has read. */
export function eventOf({ ip, user_agent, ...decoded }: DecodedEvent, source: Source): ObservedEvent<TextSlice> {
  const event = new ReadEvent(
    source,
    () => (ip === undefined || user_agent === undefined ? undefined : clientOf(ip, user_agent)),
    () => decoded.source,
  )
  event.event_id.setString(decoded.event_id)
  event.event_ts = decoded.event_ts
  event.ingest_ts = decoded.ingest_ts
  event.session_id.setString(decoded.session_id)
  event.user_id = decoded.user_id === null ? null : sliceOf(decoded.user_id)
  event.item_id = decoded.item_id === null ? null : sliceOf(decoded.item_id)
  event.event_type = decoded.event_type
  event.page = decoded.page === undefined ? undefined : sliceOf(decoded.page)
  event.order_id = decoded.order_id === undefined ? undefined : sliceOf(decoded.order_id)
  event.quantity = decoded.quantity
  event.unit_price = decoded.unit_price
  event.currency = decoded.currency === undefined ? undefined : sliceOf(decoded.currency)
  return event
}

/** The event that a scanner found in a value, as it lies in the bytes. */
export class ScannedEvent {
  readonly event: ReadEvent
  readonly #scanner: FieldScanner
  readonly #userId = new TextSlice()
  readonly #itemId = new TextSlice()
  readonly #at: Readonly<Record<keyof Omit<ObservedEvent, 'client' | 'traceparent' | 'source'>, number>>
  readonly #types: readonly string[]
  readonly #client: { readonly ip: number; readonly userAgent: number }
  #value: Buffer | undefined

  constructor(scanner: FieldScanner, source: Source) {
    const at = (name: string): number => scanner.names.indexOf(name)
    this.#scanner = scanner
    this.#client = { ip: at('ip'), userAgent: at('user_agent') }
    // Of the value that was read last; no text is made of it unless somebody asks.
    const producer = at('source')
    this.event = new ReadEvent(
      source,
      () => this.#readClient(),
      () => (producer < 0 ? undefined : (this.#textAt(producer) ?? undefined)),
    )
    this.#at = {
      event_id: at('event_id'),
      event_ts: at('event_ts'),
      ingest_ts: at('ingest_ts'),
      session_id: at('session_id'),
      user_id: at('user_id'),
      item_id: at('item_id'),
      event_type: at('event_type'),
      page: at('page'),
      order_id: at('order_id'),
      quantity: at('quantity'),
      unit_price: at('unit_price'),
      currency: at('currency'),
    }
    this.#types = scanner.symbols[this.#at.event_type] ?? []
    if (this.#at.page >= 0) this.event.page = new TextSlice()
    if (this.#at.order_id >= 0) this.event.order_id = new TextSlice()
    if (this.#at.currency >= 0) this.event.currency = new TextSlice()
  }

  /** @returns false when the scanner leaves it to the Avro decoder */
  read(value: Buffer, from: number, to: number): boolean {
    const { event } = this
    const scanner = this.#scanner
    this.#value = value
    if (!scanner.scan(value, from, to)) return false
    const { froms, tos, longs } = scanner
    const at = this.#at
    event.event_id.set(value, froms[at.event_id] ?? 0, tos[at.event_id] ?? 0)
    event.session_id.set(value, froms[at.session_id] ?? 0, tos[at.session_id] ?? 0)
    event.event_ts = longs[at.event_ts] ?? 0
    event.ingest_ts = longs[at.ingest_ts] ?? 0
    const user = froms[at.user_id] ?? -1
    event.user_id = user < 0 ? null : this.#userId.set(value, user, tos[at.user_id] ?? 0)
    const item = froms[at.item_id] ?? -1
    event.item_id = item < 0 ? null : this.#itemId.set(value, item, tos[at.item_id] ?? 0)
    if (event.page) {
      event.page.set(value, froms[at.page] ?? 0, tos[at.page] ?? 0)
      event.event_type = this.#types[longs[at.event_type] ?? 0]
    }
    if (event.order_id) this.#readPurchase(value, event.order_id)
    return true
  }

  #readPurchase(value: Buffer, orderId: TextSlice): void {
    const { event } = this
    const { froms, tos, longs } = this.#scanner
    const at = this.#at
    orderId.set(value, froms[at.order_id] ?? 0, tos[at.order_id] ?? 0)
    event.currency?.set(value, froms[at.currency] ?? 0, tos[at.currency] ?? 0)
    event.quantity = longs[at.quantity]
    event.unit_price = longs[at.unit_price]
  }

  #readClient(): Client | undefined {
    const { ip, userAgent } = this.#client
    return ip < 0 || userAgent < 0 ? undefined : clientOf(this.#textAt(ip), this.#textAt(userAgent))
  }

  #textAt(field: number): string | null {
    const from = this.#scanner.froms[field] ?? -1
    return from < 0 ? null : (this.#value?.toString('utf8', from, this.#scanner.tos[field]) ?? null)
  }
}
