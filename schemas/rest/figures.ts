import { z } from 'zod'
import { RANKINGS, TRAFFICS } from '../../domain/kpi/figures.js'
import { Page, pageLimit, WholePage } from './page.js'
import { dayText, lineOf, replaceWith, Timestamp, wholeNumber } from './parameters.js'

const count = z.int().min(0)
const Day = z.iso
  .date()
  .meta({ example: '2026-10-01', description: 'A day from midnight to midnight in the time zone of the shop' })

const traffic = z
  .enum(TRAFFICS, `not one of ${TRAFFICS.join(', ')}`)
  .prefault('all')
  .meta({ description: 'Whose events: everybody, sessions without an anomaly in force, or the others' })
const dayQuery = dayText.optional().meta({ description: 'Without it, the last published day' })

/** The query of `GET /metrics/daily`. */
export const DailyMetricsQuery = z.strictObject({ days: wholeNumber(1, 366, 30), traffic })
/** The query of `GET /metrics/summary`. */
export const MetricsSummaryQuery = z.strictObject({ days: wholeNumber(1, 366, 7), traffic })
/** The query of `GET /items/popular`. */
export const PopularItemsQuery = z.strictObject({
  day: dayQuery,
  traffic,
  by: z.enum(RANKINGS, `not one of ${RANKINGS.join(', ')}`).prefault('views'),
  limit: wholeNumber(1, 100, 10),
})
/** The query of `GET /funnel`. */
export const FunnelQuery = z.strictObject({ day: dayQuery, traffic })
/** The query of `GET /pipeline-runs`. */
export const PipelineRunsQuery = z.strictObject({
  type: lineOf(100).optional().meta({ description: 'Only of this workflow', example: 'dailyKpi' }),
  limit: pageLimit(500),
  cursor: lineOf(400)
    .regex(/^[^.\s]{1,100}\.\S{1,255}$/, 'not a cursor that this API gave')
    .transform((text) => ({ runId: text.slice(0, text.indexOf('.')), workflowId: text.slice(text.indexOf('.') + 1) }))
    .optional()
    .meta({
      description: '`page.next_cursor` of the page before, with the same type',
      override: replaceWith({ type: 'string', minLength: 3, maxLength: 400 }),
    }),
})

const amounts = (what: string, example: Readonly<Record<string, number>>) =>
  z.record(z.string(), z.int()).meta({
    description: `${what}, by currency, in its minor units; amounts of two currencies are never added`,
    example,
  })
const share = z.number().min(0).nullable()
const figures = {
  events: count.meta({ description: 'Clicks, each event_id once' }),
  sessions: count,
  users: count,
  page_views: count,
  item_views: count,
  add_to_carts: count,
  remove_from_carts: count,
  checkouts: count,
  purchases: count.meta({ description: 'Order lines sold' }),
  orders: count,
  units_sold: count,
  returns: count.meta({
    description:
      'Order lines returned: purchases of a negative quantity. They are not in purchases, orders, units_sold and the funnel',
  }),
  units_returned: count,
  buying_sessions: count,
  revenue: amounts('Gross: what was sold', { EUR: 1999 }),
  returned: amounts('What was returned on the day, whenever it was sold', { EUR: 500 }),
  net_revenue: amounts('Revenue less what was returned; it may be below 0', { EUR: 1499 }),
  currency_exponents: z.record(z.string(), z.int()).meta({
    description: 'Digits behind the point of each currency (ISO 4217): 1999 of EUR is 19.99, of JPY 1999',
    example: { EUR: 2 },
  }),
  conversion: share.meta({ description: 'Sessions that bought, of all; null without a session' }),
  mean_session_seconds: share.meta({ description: 'From the first to the last event; null without a session' }),
}

export const DailyMetrics = z
  .strictObject({
    day: Day,
    time_zone: z.string().meta({ description: 'In which the day was computed', example: 'Europe/Berlin' }),
    ...figures,
    published_ts: Timestamp,
    quarantined_records: count.meta({
      description: 'Records of the day that wait for a decision, and that the figures are without: see /quarantine',
    }),
    dropped_records: count.meta({ description: 'Records of the day that a decision has left out' }),
    has_late_data: z.boolean().meta({ description: 'Events of the day have come since: run it again' }),
  })
  .meta({ id: 'DailyMetrics' })
export type DailyMetrics = z.output<typeof DailyMetrics>

export const DailyMetricsList = z
  .strictObject({
    data: z.array(DailyMetrics),
    page: WholePage,
  })
  .meta({ id: 'DailyMetricsList', description: 'Published days, newest first' })
export type DailyMetricsList = z.output<typeof DailyMetricsList>

export const MetricsSummary = z
  .strictObject({
    days: count.meta({ description: 'Published days that were added up' }),
    from: Day.nullable(),
    to: Day.nullable().meta({ description: 'The last of them' }),
    time_zones: z.array(z.string()).meta({
      description: 'In which the days were computed: more than one after KPI_TIME_ZONE has changed, until a backfill',
    }),
    traffic: z.enum(TRAFFICS),
    ...figures,
    quarantined_records: count.meta({ description: 'Records that the days are without until a person decides' }),
    dropped_records: count.meta({ description: 'Records that a decision has left out' }),
    revenue_too_large: z
      .array(z.string())
      .meta({ description: 'Currencies whose sum is beyond 2^53 and not in `revenue`: ask for fewer days' }),
    users: count.meta({ description: 'Added up by day: who came on two days counts twice' }),
    sessions: count.meta({ description: 'Added up by day' }),
  })
  .meta({ id: 'MetricsSummary' })
export type MetricsSummary = z.output<typeof MetricsSummary>

export const PopularItems = z
  .strictObject({
    day: Day,
    traffic: z.enum(TRAFFICS),
    by: z.enum(RANKINGS),
    data: z.array(
      z.strictObject({
        place: count,
        item_id: z.string(),
        amount: z.int().meta({ description: 'Item views, times put into a cart, or units sold' }),
      }),
    ),
  })
  .meta({ id: 'PopularItems' })
export type PopularItems = z.output<typeof PopularItems>

export const Funnel = z
  .strictObject({
    day: Day,
    traffic: z.enum(TRAFFICS),
    steps: z.array(
      z.strictObject({
        step: z.enum(['viewed', 'carted', 'checked_out', 'purchased']),
        sessions: count,
        of_first: share.meta({ description: 'Of the sessions of the first step; null when it has none' }),
      }),
    ),
  })
  .meta({ id: 'Funnel', description: 'Sessions that came to each step, at the time of the step before it or later' })
export type Funnel = z.output<typeof Funnel>

export const PipelineRunList = z
  .strictObject({
    data: z.array(
      z
        .strictObject({
          workflow_id: z.string(),
          run_id: z.string(),
          workflow_type: z.string(),
          status: z.enum(['running', 'completed', 'failed']),
          started_ts: Timestamp,
          ended_ts: Timestamp.nullable(),
          details: z.record(z.string(), z.unknown()),
        })
        .meta({ id: 'PipelineRun' }),
    ),
    page: Page,
  })
  .meta({ id: 'PipelineRunList', description: 'Newest first' })
export type PipelineRunList = z.output<typeof PipelineRunList>
