import { z } from 'zod'
import { ALERT_KINDS } from '../../domain/alerting/alert-message.js'
import { CHANNELS } from '../../domain/alerting/channel.js'
import { SUPPRESSIONS } from '../../domain/alerting/decide-alert.js'
import { ALERT_SOURCES, SEVERITIES } from '../../domain/alerting/observation.js'
import { Page, pageCursor, pageLimit } from './page.js'
import { flag, instant, lineOf, Timestamp } from './parameters.js'

const alertId = lineOf(24).regex(/^[0-9a-f]{24}$/, 'not an id that this API gave')
const silenceId = lineOf(36).regex(/^[0-9a-f-]{36}$/, 'not an id that this API gave')
const source = z.enum(ALERT_SOURCES, `not one of ${ALERT_SOURCES.join(', ')}`)
const severity = z.enum(SEVERITIES, `not one of ${SEVERITIES.join(', ')}`)

/** The query of `GET /alerts`. @param pageLimitMax how many alerts a page may have */
export const alertListQuery = (pageLimitMax: number) =>
  z.strictObject({
    fingerprint: lineOf(400).optional().meta({ example: 'dead-letters:km.clicks.v1:DECODE' }),
    source: source.optional(),
    severity: severity.optional(),
    outcome: z.enum(['sent', 'suppressed'], 'not one of sent, suppressed').optional(),
    suppressed_by_id: lineOf(36)
      .optional()
      .meta({ description: 'What this silence swallowed, or this alert suppressed' }),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(alertId),
  })

export const AlertParams = z.strictObject({ id: alertId })

const count = z.int().min(0)
const alertFields = {
  id: z.string(),
  fingerprint: z.string().meta({ description: 'The same for the same cause' }),
  source,
  cause: z.string().meta({ description: 'In a few words, the same each time' }),
  summary: z.string().meta({ description: 'What happened, with its numbers; empty in alerts of earlier versions' }),
  sample: z
    .string()
    .nullable()
    .meta({ description: 'One example and what is wrong with it; of a summary, its incidents' }),
  first_step: z.string().meta({ description: 'What to do first' }),
  kind: z.enum(ALERT_KINDS).meta({ description: '`summary`: what a silence has swallowed, once it has ended' }),
  severity,
  outcome: z.enum(['sent', 'suppressed']),
  suppressed_by: z.enum(SUPPRESSIONS).nullable(),
  suppressed_by_id: z.string().nullable().meta({ description: 'The alert or the silence that suppressed it' }),
  incident_id: z.string().meta({ description: 'The alert that opened the incident' }),
  decided_ts: Timestamp,
  count: count.meta({ description: 'Since the last look' }),
  swallowed_alerts: count.meta({ description: 'Not sent since the last message' }),
  swallowed_count: count.meta({ description: 'Counted since the last message, without this look' }),
  figures: z.record(z.string(), z.union([z.number(), z.string()])),
  links: z.array(z.strictObject({ label: z.string(), to: z.string() })),
}

export const Alert = z.strictObject(alertFields).meta({ id: 'Alert' })
export type Alert = z.output<typeof Alert>
export const AlertList = z
  .strictObject({ data: z.array(Alert), page: Page })
  .meta({ id: 'AlertList', description: 'Newest first' })
export type AlertList = z.output<typeof AlertList>

export const AlertDetails = z
  .strictObject({
    ...alertFields,
    deliveries: z.array(
      z.strictObject({
        channel: z.enum(CHANNELS),
        state: z.enum(['pending', 'sending', 'sent', 'failed']),
        attempts: count,
        unknown_attempts: count.meta({ description: 'Of these, such of which nobody knows whether they arrived' }),
        last_fault: z.string().nullable(),
        ended_ts: Timestamp.nullable(),
      }),
    ),
  })
  .meta({ id: 'AlertDetails' })
export type AlertDetails = z.output<typeof AlertDetails>

/** The query of `GET /silences`. @param pageLimitMax how many silences a page may have */
export const silenceListQuery = (pageLimitMax: number) =>
  z.strictObject({
    ended: flag.optional().meta({ description: 'Also those that are over' }),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(silenceId),
  })

export const SilenceParams = z.strictObject({ id: silenceId })

export const NewSilence = z
  .strictObject({
    kind: z.enum(['silence', 'maintenance']).default('silence'),
    matcher: lineOf(301).meta({
      description: 'A fingerprint, or the beginning of one and `*`',
      example: 'dead-letters:*',
    }),
    up_to: severity.default('warning').meta({ description: 'Swallows this severity and milder ones' }),
    starts_ts: instant
      .optional()
      .meta({ description: 'Now without it', override: { type: 'string', format: 'date-time' } }),
    ends_ts: instant.meta({ override: { type: 'string', format: 'date-time' } }),
    reason: lineOf(500),
  })
  .meta({ id: 'NewSilence' })

export const Silence = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['silence', 'maintenance']),
    matcher: z.string(),
    up_to: severity,
    starts_ts: Timestamp,
    ends_ts: Timestamp,
    reason: z.string(),
    created_by: z.string(),
    created_ts: Timestamp,
  })
  .meta({ id: 'Silence' })
export type Silence = z.output<typeof Silence>
export const SilenceList = z
  .strictObject({ data: z.array(Silence), page: Page })
  .meta({ id: 'SilenceList', description: 'The one that ends last first' })
