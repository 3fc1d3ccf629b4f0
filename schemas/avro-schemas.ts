import { readFileSync } from 'node:fs'
import { CLICK_TYPES, TOPICS } from '../domain/events.js'

/** The compiled file stands in dist/schemas; the Avro files are read where they are kept. */
const read = (topic: string): string =>
  readFileSync(new URL(`../../schemas/avro/${topic}.avsc`, import.meta.url), 'utf8')

/** The Avro schema of each topic that has one. Late and dead records keep the bytes of their origin. */
export const AVRO_SCHEMAS: Readonly<Record<string, string>> = {
  [TOPICS.clicks]: read(TOPICS.clicks),
  [TOPICS.purchases]: read(TOPICS.purchases),
  [TOPICS.anomalies]: read(TOPICS.anomalies),
}

/** What every version of a subject must be to all the others: each reads what each has written. */
export const COMPATIBILITY = 'FULL_TRANSITIVE'

/**
 * The schemas by which whole events are read. The registered ones give an enum a default, so that the registry lets
 * producers add symbols; these do not: a symbol that is not known makes a dead letter, and never another event.
 */
export const READER_SCHEMAS: Readonly<Record<string, string>> = {
  [TOPICS.clicks]: withoutEnumDefaults(AVRO_SCHEMAS[TOPICS.clicks] ?? ''),
  [TOPICS.purchases]: withoutEnumDefaults(AVRO_SCHEMAS[TOPICS.purchases] ?? ''),
}

function withoutEnumDefaults(schemaText: string): string {
  return JSON.stringify(
    JSON.parse(schemaText, (_, value: unknown) => {
      if (typeof value !== 'object' || value === null || !('symbols' in value)) return value
      return Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'default'))
    }),
  )
}

const CLICK_TYPE = { type: 'enum', name: 'ClickType', symbols: CLICK_TYPES }
/** No rule looks at them; the evidence of an anomaly names them. */
const CLIENT = ['ip', 'user_agent', 'referrer'].map((name) => ({ name, type: ['null', 'string'], default: null }))

const CLICK = [
  { name: 'event_type', type: CLICK_TYPE },
  { name: 'item_id', type: ['null', 'string'] },
  { name: 'page', type: 'string' },
  ...CLIENT,
]
const PURCHASE = [
  { name: 'order_id', type: 'string' },
  { name: 'item_id', type: 'string' },
  { name: 'quantity', type: 'int' },
  { name: 'unit_price', type: 'long' },
  { name: 'currency', type: 'string' },
]

/** The subject of a topic's values in the schema registry. */
export const subjectOf = (topic: string): string => `${topic}-value`

/**
 * What detection reads of an event of either topic: all its fields, so that no record is an event to the detector that the
 * archiver cannot read.
 */
export const OBSERVED_EVENT_SCHEMA = (recordName: 'Click' | 'Purchase'): string =>
  JSON.stringify({
    type: 'record',
    name: recordName,
    namespace: 'km.events',
    fields: [
      { name: 'event_id', type: 'string' },
      { name: 'event_ts', type: 'long' },
      { name: 'ingest_ts', type: 'long' },
      { name: 'source', type: 'string' },
      { name: 'session_id', type: 'string' },
      { name: 'user_id', type: ['null', 'string'] },
      ...(recordName === 'Click' ? CLICK : PURCHASE),
    ],
  })
