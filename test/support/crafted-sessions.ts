import kafkajs from 'kafkajs'
import { TOPICS, type Click } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import type { DetectionStage } from './detection-stage.js'

/** A click of which a test knows what will become of it. */
export interface CraftedClick {
  readonly session: string
  readonly id: string
  readonly atMs: number
  readonly item: string
  /** Cut short, so that nobody can read it but its key. */
  readonly isCut?: boolean
}

/** A session id with this beginning that goes to a partition. */
export function sessionOn(partition: number, partitions: number, beginning: string): string {
  for (let n = 0; ; n++) if (keyPartition(`${beginning}-${n}`, partitions) === partition) return `${beginning}-${n}`
}

/** So many clicks of a session from an instant on, on `items` in turn. */
export const clicksOf = (
  session: string,
  count: number,
  { fromMs, everyMs, items = ['a'] }: { fromMs: number; everyMs: number; items?: readonly string[] },
): CraftedClick[] =>
  Array.from({ length: count }, (_, i) => ({
    session,
    id: `${session} ${fromMs} ${i}`,
    atMs: fromMs + i * everyMs,
    item: items[i % items.length] ?? '',
  }))

/** Puts clicks into the log in their order. */
export async function sendClicks(stage: DetectionStage, clicks: readonly CraftedClick[]): Promise<void> {
  const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
  const schemaId = schemas.find(({ subject }) => subject === `${TOPICS.clicks}-value`)?.id ?? 0
  const encode = createEncoder(AVRO_SCHEMAS[TOPICS.clicks] ?? '', schemaId)
  const messages = clicks.map((click) => {
    const value = encode(clickOf(click))
    return { key: click.session, value: click.isCut === true ? value.subarray(0, value.length - 4) : value }
  })
  const producer = new kafkajs.Kafka({ brokers: stage.brokers, logLevel: kafkajs.logLevel.NOTHING }).producer()
  await producer.connect()
  try {
    await producer.send({ topic: TOPICS.clicks, acks: -1, messages })
  } finally {
    await producer.disconnect()
  }
}

const clickOf = ({ session, id, atMs, item }: CraftedClick): Click => ({
  event_id: id,
  event_ts: atMs,
  ingest_ts: atMs,
  source: 'test',
  session_id: session,
  user_id: null,
  event_type: 'page_view',
  item_id: item,
  page: '/',
  ip: null,
  user_agent: null,
  referrer: null,
})

/** A rule as its parameters are written down, not as the product reads them. */
export interface WrittenRule {
  readonly windowMs: number
  readonly slideMs: number
  readonly minEvents: number
  readonly maxItems?: (events: number) => number
}

/** What `guardian why-not` has to say of a session's fullest window, counted from its clicks alone, window by window. */
export function fullestWindow(clicks: readonly CraftedClick[], rule: WrittenRule): object | null {
  const { windowMs, slideMs, minEvents, maxItems } = rule
  const starts = new Set<number>()
  for (const { atMs } of clicks)
    for (let start = Math.floor(atMs / slideMs) * slideMs; start + windowMs > atMs; start -= slideMs) starts.add(start)
  const windows = [...starts].map((start) => {
    const inside = clicks.filter(({ atMs }) => atMs >= start && atMs < start + windowMs)
    const items = new Set(inside.map(({ item }) => item)).size
    const tooMany = Math.max(0, items - (maxItems?.(inside.length) ?? Infinity))
    return { start, events: inside.length, items, tooMany }
  })
  const enough = windows.filter(({ events }) => events >= minEvents)
  const [best] = (enough.length > 0 ? enough : windows).sort(
    (a, b) => (enough.length > 0 ? a.tooMany - b.tooMany : 0) || b.events - a.events || a.start - b.start,
  )
  if (!best) return null
  return {
    window_start: new Date(best.start).toISOString(),
    window_end: new Date(best.start + windowMs).toISOString(),
    events: best.events,
    distinct_items: best.items,
    max_distinct_items: maxItems ? maxItems(best.events) : null,
  }
}
