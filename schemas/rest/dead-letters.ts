import { z } from 'zod'
import { DEAD_LETTER_STATES } from '../../domain/dead-letters/replay.js'
import { DEAD_LETTER_CODES } from '../../domain/detection/fate.js'
import { pageLimit, pageWith } from './page.js'
import { instant, lineOf, replaceWith, Timestamp } from './parameters.js'

/** The query of `GET /dlq/records`. @param pageLimitMax how many dead letters a page may have */
export const deadLetterQuery = (pageLimitMax: number) =>
  z.strictObject({
    code: z.enum(DEAD_LETTER_CODES, `not one of ${DEAD_LETTER_CODES.join(', ')}`).optional(),
    topic: lineOf(249).optional().meta({ description: 'Where they came from' }),
    from: instant.optional().meta({ description: 'Became dead letters at or after' }),
    to: instant.optional().meta({ description: 'Became dead letters before' }),
    limit: pageLimit(pageLimitMax),
    cursor: lineOf(16_000)
      .regex(/^\d{1,15}(\.\d{1,15}){0,999}$/, 'not a cursor that this API gave')
      .transform((text) => text.split('.').map(Number))
      .optional()
      .meta({
        description: '`page.next_cursor` of the page before, with the same filter',
        override: replaceWith({ type: 'string', minLength: 1, maxLength: 16_000 }),
      }),
  })

const count = z.int().min(0)

export const DeadLetterList = z
  .strictObject({
    causes: z
      .array(z.strictObject({ code: z.string().nullable(), topic: z.string().nullable(), records: count }))
      .meta({ description: 'Of what this request has read, and the filter selects' }),
    data: z.array(
      z.strictObject({
        kafka_partition: count.meta({ description: 'Of the dead letters; with the offset, it names one to replay' }),
        kafka_offset: count,
        append_ts: Timestamp.meta({ description: 'When it became a dead letter' }),
        code: z.string().nullable(),
        fault: z.string().nullable().meta({ description: 'What the detector said of it' }),
        topic: z.string().nullable().meta({ description: 'Where it came from' }),
        state: z.enum(DEAD_LETTER_STATES).meta({
          description:
            '`dead`, `parked` after too many replays, `sent_back` and not decided yet, or what the detector did then: `recovered`, `late` (for the KPIs of the day only), `dead_again`',
        }),
        attempts: count.meta({ description: 'How often it has been replayed' }),
        bytes: count,
        raw: z.string().nullable().meta({ description: 'The first 4096 bytes in base64; null for viewers' }),
        event: z
          .record(z.string(), z.unknown())
          .nullable()
          .meta({ description: 'If it can be decoded; user_id, ip and user_agent are null for viewers' }),
      }),
    ),
    read: z.strictObject({
      records: count,
      unread: count.meta({ description: 'Older ones, which were not looked at: the next pages do' }),
    }),
    page: pageWith(
      z
        .string()
        .nullable()
        .meta({ description: 'null when nothing older is left; a page before that may have no records' }),
    ),
  })
  .meta({ id: 'DeadLetterList', description: 'Newest first, page by page back to the oldest that Kafka still has' })
export type DeadLetterList = z.output<typeof DeadLetterList>
