import { EARLIEST_EVENT_MS, LATEST_EVENT_MS } from '../../domain/events/event-fault.js'
import { createLeadingReader } from '../../platform/avro/leading-fields.js'
import { lastHeader, type RecordHeaders } from '../../platform/kafka/last-header.js'

/** Headers by which a producer may name itself: ours, and that of CloudEvents. */
const SOURCE_HEADERS = ['guardian.source', 'ce_source']
/** A longer value is not read as JSON. */
const MAX_JSON_BYTES = 65_536

/** The first fields of both kinds of events, in the order of the contract. */
const readLeading = createLeadingReader(
  JSON.stringify({
    type: 'record',
    name: 'LeadingFields',
    fields: [
      { name: 'event_id', type: 'string' },
      { name: 'event_ts', type: 'long' },
      { name: 'ingest_ts', type: 'long' },
      { name: 'source', type: 'string' },
    ],
  }),
)

/**
 * Who sent a dead letter, as far as it tells: a header, else the field `source` of a value that may be undecodable for
 * other reasons (an unknown schema id, bytes missing at its end, JSON in place of Avro). A guess by the order of fields
 * counts only when one of the two times before it is plausible.
 * @returns a text from outside: anything; undefined when nothing tells
 */
export function sourceOf(headers: RecordHeaders | undefined, value: Buffer | null): string | undefined {
  for (const name of SOURCE_HEADERS) {
    const named = lastHeader(headers, name)
    if (named !== undefined && named !== '') return named
  }
  if (value === null) return undefined
  const fields = value[0] === 0x7b ? jsonOf(value) : readLeading(value)
  if (typeof fields !== 'object' || fields === null) return undefined
  const { source, event_ts, ingest_ts } = fields as Readonly<Record<string, unknown>>
  const isSure = value[0] === 0x7b || isPlausible(event_ts) || isPlausible(ingest_ts)
  return typeof source === 'string' && isSure ? source : undefined
}

const isPlausible = (ms: unknown): boolean => typeof ms === 'number' && ms >= EARLIEST_EVENT_MS && ms <= LATEST_EVENT_MS

function jsonOf(value: Buffer): unknown {
  if (value.length > MAX_JSON_BYTES) return undefined
  try {
    return JSON.parse(value.toString('utf8'))
  } catch {
    return undefined // it only begins like JSON
  }
}
