import { z } from 'zod'
import { Anomaly } from './anomalies.js'
import { numberCursor, Page, pageLimit } from './page.js'
import { lineOf, Timestamp } from './parameters.js'

export const SessionParams = z.strictObject({ session_id: lineOf(512) })

const EventTopic = z.enum(['clicks', 'purchases'], 'not one of clicks, purchases')

/** The query of `GET /sessions/{session_id}/events`. @param pageLimitMax how many events a page may have */
export const sessionEventsQuery = (pageLimitMax: number) =>
  z.strictObject({
    of: EventTopic.prefault('clicks'),
    limit: pageLimit(pageLimitMax, 100),
    cursor: numberCursor('`page.next_cursor` of the page before: an offset'),
  })

const offset = z.int().min(0)

const ReadPart = z
  .strictObject({
    topic: z.string(),
    kafka_partition: z.int().min(0),
    from_offset: offset,
    to_offset: offset.meta({ description: 'No longer read' }),
    records_before: z.int().min(0).meta({ description: 'Of the partition, before what was read' }),
    records_behind: z.int().min(0).meta({ description: 'Of the partition, behind what was read' }),
  })
  .meta({ id: 'ReadPart', description: 'Which part of the log was looked at' })

const Peak = z.strictObject({
  window_start: Timestamp,
  window_end: Timestamp,
  events: z.int().min(0),
  distinct_items: z.int().min(0),
  max_distinct_items: z.number().nullable().meta({ description: 'null: the rule does not look at items' }),
})

export const SessionSummary = z
  .strictObject({
    session_id: z.string(),
    user_ids: z.array(z.string()).nullable().meta({ description: 'null for viewers; 10 at most' }),
    read: ReadPart,
    clicks: z.int().min(0).meta({ description: 'In what was read, each event id once' }),
    first_seen: Timestamp.nullable().meta({ description: 'By the time of its events' }),
    last_seen: Timestamp.nullable(),
    anomalies: z.array(Anomaly).meta({ description: 'Newest window first; 100 at most' }),
    rules: z.array(
      z.strictObject({
        rule_id: z.string(),
        rule_version: z.int().min(1),
        mode: z.enum(['active', 'shadow']),
        min_events: z.int().min(1),
        peak: Peak.nullable().meta({ description: 'The window that came closest to the rule; late events count here' }),
        flagged: z.boolean().meta({ description: 'Whether an anomaly of the rule stands' }),
      }),
    ),
  })
  .meta({ id: 'SessionSummary' })
export type SessionSummary = z.output<typeof SessionSummary>

export const SessionEvents = z
  .strictObject({
    data: z.array(
      z.strictObject({
        kafka_offset: offset,
        append_ts: Timestamp.meta({ description: 'When Kafka stored it' }),
        event: z
          .record(z.string(), z.unknown())
          .nullable()
          .meta({ description: 'As the producer sent it; user_id, ip and user_agent are null for viewers' }),
        fault: z.string().nullable().meta({ description: 'Why it cannot be read' }),
      }),
    ),
    read: ReadPart,
    page: Page,
  })
  .meta({ id: 'SessionEvents', description: 'In the order of the log. A page may be empty and have a next one' })
export type SessionEvents = z.output<typeof SessionEvents>
