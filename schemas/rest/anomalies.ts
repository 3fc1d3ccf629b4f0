import { z } from 'zod'
import { TOPICS } from '../../domain/events.js'
import { freshLogOfTopic } from '../../domain/fresh-log.js'
import { AnomalyIdText, LiveAnomalyIdText } from './anomaly-id.js'
import { pageCursor, pageLimit, pageWith } from './page.js'
import { flag, instant, lineOf, Timestamp } from './parameters.js'
import { VerdictName } from './verdicts.js'

export const AnomalyStatus = z.enum(['open', 'confirmed', 'retracted'], 'not one of open, confirmed, retracted')
export const AnomalyMode = z.enum(['active', 'shadow'], 'not one of active, shadow')

const hasAnomalies = (topic: string): boolean => topic === TOPICS.clicks || freshLogOfTopic(topic) !== undefined

/** The query of `GET /anomalies`. @param pageLimitMax how many anomalies a page may have */
export const anomalyListQuery = (pageLimitMax: number) =>
  z
    .strictObject({
      topic: lineOf(249).refine(hasAnomalies, 'not a topic whose anomalies are kept').optional().meta({
        description:
          'Exactly this `topic`. Anomalies of a fresh log (`guardian ingest --fresh`) are in no list but that of their topic',
        example: 'km.logs.access.v1',
      }),
      session: lineOf(1_024).optional().meta({ description: 'Exactly this `session_id`' }),
      rule: lineOf(200).optional().meta({ description: 'Exactly this `rule_id`', example: 'HIGH_FREQUENCY' }),
      status: AnomalyStatus.optional(),
      mode: AnomalyMode.optional(),
      verdict: VerdictName.optional(),
      allowlisted: flag.optional().meta({ description: 'Whether the allowlist covers them' }),
      from: instant.optional().meta({ description: 'Windows that start at or after', example: '2026-10-01T00:00:00Z' }),
      to: instant.optional().meta({ description: 'Windows that start before', example: '2026-10-02' }),
      limit: pageLimit(pageLimitMax),
      cursor: pageCursor(AnomalyIdText),
    })
    .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
      path: ['to'],
      message: 'not after from',
    })
    .refine(({ topic = '', cursor }) => cursor === undefined || cursor.topic === freshLogOfTopic(topic)?.topic, {
      path: ['cursor'],
      message: 'of another topic',
    })

export const AnomalyStreamQuery = z.strictObject({
  rule: lineOf(200).optional().meta({ description: 'Exactly this `rule_id`' }),
  mode: AnomalyMode.optional(),
  last_event_id: lineOf(16_000)
    .optional()
    .meta({ description: 'The id of the last event seen, as `Last-Event-ID`, which a browser sends by itself' }),
})

export const AnomalyParams = z.strictObject({ id: AnomalyIdText.meta({ description: 'The `id` of an anomaly' }) })
export const LiveAnomalyParams = z.strictObject({
  id: LiveAnomalyIdText.meta({ description: 'The `id` of an anomaly that is not of a fresh log' }),
})

const offset = z.int().min(0)

export const Anomaly = z
  .strictObject({
    id: z.string().meta({
      description: 'Opaque; stands for window_start, session_id, rule_id and mode, and for the topic of a fresh log',
    }),
    session_id: z.string(),
    user_id: z.string().nullable(),
    rule_id: z.string(),
    rule_version: z.int(),
    window_start: Timestamp,
    window_end: Timestamp.meta({ description: 'No longer part of the window' }),
    event_count: z.int(),
    distinct_items: z.int(),
    status: AnomalyStatus,
    mode: AnomalyMode,
    verdict: VerdictName,
    allowlist_entry_id: z.string().nullable().meta({ description: 'The entry that covers it, the oldest of several' }),
    incomplete: z.boolean().meta({
      description:
        'Whether the session had events on another partition than its own at that time: neither partition has counted all of them',
    }),
    evidence: z.record(z.string(), z.unknown()).meta({
      description:
        'Why the rule fired; what `crossed.client` says of a person is for analysts and above; `crossed.traceparent` is the trace that the event came in',
    }),
    topic: z.string(),
    kafka_partition: z.int().min(0),
    first_offset: offset,
    last_offset: offset,
    as_of_offset: offset.meta({ description: 'The record whose processing made this version of the row' }),
    produced_ts: Timestamp.meta({ description: 'Of the event that crossed the threshold: taken in by its producer' }),
    kafka_ts: Timestamp.meta({ description: 'Of the same event: appended to the log' }),
    detected_ts: Timestamp.meta({ description: 'When the rule fired' }),
    db_write_ts: Timestamp.meta({ description: 'When the row was first written' }),
  })
  .meta({ id: 'Anomaly' })
export type Anomaly = z.output<typeof Anomaly>

export const AnomalyList = z
  .strictObject({
    data: z.array(Anomaly),
    page: pageWith(z.string().nullable().meta({ description: 'Null on the last page' })),
  })
  .meta({ id: 'AnomalyList', description: 'Newest window first' })
export type AnomalyList = z.output<typeof AnomalyList>
