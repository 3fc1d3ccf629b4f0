import { z } from 'zod'
import { knownOrNull } from '../../domain/client/known.js'
import { DEAD_LETTER_CODES } from '../../domain/detection/fate.js'
import { exponentOf } from '../../domain/events/currencies.js'
import { MAX_AMOUNT, MAX_ID_LENGTH, MAX_ITEM_ID_LENGTH, MAX_QUANTITY } from '../../domain/events/event-fault.js'
import { CLICK_TYPES } from '../../domain/events.js'
import { Fault } from './problem.js'

const MAX_URL_LENGTH = 4_096
const MAX_USER_AGENT_LENGTH = 1_024
const MAX_ADDRESS_LENGTH = 64
const MAX_SOURCE_LENGTH = 100

const HAS_NUL = /\0/
/** Half of a surrogate pair: no UTF-8 can say it, so that another text would come out of Kafka than went in. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
const UNSTORABLE = new RegExp(`${HAS_NUL.source}|${LONE_SURROGATE.source}`, 'g')

/** Text that Avro and PostgreSQL give back as it was. */
const text = (max: number) =>
  z
    .string('not a text')
    .max(max, `longer than ${max} characters`)
    .refine((given) => !HAS_NUL.test(given), 'has a NUL character')
    .refine((given) => !LONE_SURROGATE.test(given), 'has half of a surrogate pair')

/** Text that no rule judges: it never has an event rejected, as it does not when it comes through Kafka. */
const carried = (max: number) =>
  z.string('not a text').transform((given) => given.slice(0, max).replaceAll(UNSTORABLE, '\ufffd'))
const carriedMeta = (max: number) => ({
  description: `Cut to ${max} characters; a NUL character and half of a surrogate pair become U+FFFD`,
})

const id = text(MAX_ID_LENGTH).min(1, 'must not be empty')
const itemId = text(MAX_ITEM_ID_LENGTH).min(1, 'must not be empty')
/** What says that there is no value (empty, `-`, `""`) is none. */
const optional = (of: z.ZodType<string, string>) => of.nullish().transform(knownOrNull)

/** A date and time with its zone, or milliseconds since 1970, as a click's own clock says it. */
const eventTs = z
  .union([z.int(), z.iso.datetime({ offset: true }).transform((given) => Date.parse(given))], {
    error: 'not a date and time with a zone, nor whole milliseconds since 1970',
  })
  .optional()
  .meta({
    description:
      'When it happened; the same in every retry. Required with an event_id. Without both it is the time of receipt, and a retry is another event',
  })

const common = {
  event_id: id.optional().meta({
    description:
      'Identifies the event within its session: a retry with the same session_id, event_id and event_ts counts once. Requires event_ts. Generated when absent',
  }),
  event_ts: eventTs,
  source: carried(MAX_SOURCE_LENGTH)
    .nullish()
    .transform((given) => knownOrNull(given) ?? 'collector')
    .meta({ description: `Names the producer; cut to ${MAX_SOURCE_LENGTH} characters. Unknown: "collector"` }),
  session_id: id,
  user_id: optional(text(MAX_ID_LENGTH)),
}

const ID_NEEDS_TIME = { event_id: ['event_ts'] }

const NewClick = z
  .strictObject({
    type: z.literal('click'),
    ...common,
    event_type: z.enum(CLICK_TYPES, `not one of ${CLICK_TYPES.join(', ')}`),
    item_id: optional(text(MAX_ITEM_ID_LENGTH)),
    page: carried(MAX_URL_LENGTH).meta(carriedMeta(MAX_URL_LENGTH)),
    ip: optional(carried(MAX_ADDRESS_LENGTH)),
    user_agent: optional(carried(MAX_USER_AGENT_LENGTH)).meta(carriedMeta(MAX_USER_AGENT_LENGTH)),
    referrer: optional(carried(MAX_URL_LENGTH)).meta(carriedMeta(MAX_URL_LENGTH)),
  })
  .meta({ id: 'NewClick', description: 'A click, as a caller sends it', dependentRequired: ID_NEEDS_TIME })

const NewPurchase = z
  .strictObject({
    type: z.literal('purchase'),
    ...common,
    order_id: id,
    item_id: itemId,
    quantity: z
      .int({ error: 'not a whole number', abort: true })
      .min(-MAX_QUANTITY, `below -${MAX_QUANTITY}`)
      .max(MAX_QUANTITY, `above ${MAX_QUANTITY}`)
      .meta({ description: 'Units; negative for a return' }),
    unit_price: z
      .int({ error: 'not a whole number', abort: true })
      .min(0, 'below 0')
      .max(MAX_AMOUNT, `above ${MAX_AMOUNT}`)
      .meta({ description: `In minor units of the currency; times the quantity at most ${MAX_AMOUNT}` }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, { error: 'not a currency code of ISO 4217', abort: true })
      .refine((code) => exponentOf(code) !== undefined, 'not a currency code of ISO 4217')
      .meta({ example: 'EUR' }),
  })
  .meta({
    id: 'NewPurchase',
    description: 'One item of an order, sold or returned, as a caller sends it',
    dependentRequired: ID_NEEDS_TIME,
  })

/** One event as a caller sends it. When it was taken in, the collector says. */
export const NewEvent = z
  .discriminatedUnion('type', [NewClick, NewPurchase], 'neither a click nor a purchase')
  .meta({ id: 'NewEvent' })
export type NewEvent = z.output<typeof NewEvent>

/**
 * One event or a batch. Only its outline is checked with the request: each event is judged on its own, so that one that
 * is wrong does not take the others with it.
 */
export const eventsOutline = (batchMax: number) =>
  z.union(
    [
      z.array(z.unknown()).min(1, 'no events').max(batchMax, `more than ${batchMax} events`),
      z.record(z.string(), z.unknown(), 'not an object'),
    ],
    { error: `neither an event nor a list of 1 to ${batchMax} events` },
  )

/** The same as the document tells it: what each event has to be. */
export const eventsBody = (batchMax: number) => z.union([NewEvent, z.array(NewEvent).min(1).max(batchMax)])

const Taken = z
  .strictObject({
    index: z.int().min(0),
    status: z.literal('accepted'),
    event_id: z.string(),
    late: z.literal(true).optional().meta({
      description:
        'Its event_ts is further back than the allowed lateness: it is archived and counted in the daily metrics, but the detector does not count it',
    }),
  })
  .meta({ id: 'AcceptedEvent', description: 'All in-sync replicas of Kafka have it' })

/** Why an event is rejected: what it would be called as a dead letter, or what the collector requires of its callers. */
export const REJECTION_CODES = [...DEAD_LETTER_CODES, 'EVENT_TS_REQUIRED'] as const
export type RejectionCode = (typeof REJECTION_CODES)[number]

const Refused = z
  .strictObject({
    index: z.int().min(0),
    status: z.literal('rejected'),
    code: z.enum(REJECTION_CODES).meta({
      description: 'EVENT_TS_REQUIRED: an event_id without an event_ts; else what it would be called as a dead letter',
    }),
    detail: z.string(),
    errors: z.array(Fault),
  })
  .meta({ id: 'RejectedEvent', description: 'It has not been sent; nothing is gained by sending it again as it is' })

export const EventResult = z.discriminatedUnion('status', [Taken, Refused])
export type EventResult = z.output<typeof EventResult>

export const EventResults = z
  .strictObject({ accepted: z.int(), rejected: z.int(), results: z.array(EventResult) })
  .meta({ id: 'EventResults', description: 'What became of each event, in the order in which they were sent' })
export type EventResults = z.output<typeof EventResults>
