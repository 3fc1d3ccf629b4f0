import type { FunnelStep, Metrics, Ranking, Traffic } from '../../domain/kpi/figures.js'
import type { Queryable } from '../pool.js'

/** The metrics of a published day. */
export interface DailyMetricsRow extends Metrics {
  readonly day: string
  readonly traffic: Traffic
  readonly published_ts: Date
  /** Records of the day that its figures leave out: waiting for a decision, and dropped by one. */
  readonly quarantined_records: number
  readonly dropped_records: number
  readonly time_zone: string
  /** Rows of the day have been archived since. */
  readonly has_late_data: boolean
}

const METRICS = `
SELECT m.day::text AS day, m.traffic, m.events, m.sessions, m.users, m.page_views, m.item_views, m.add_to_carts,
       m.remove_from_carts, m.checkouts, m.purchases, m.orders, m.units_sold, m.returns, m.units_returned, m.buying_sessions, m.session_ms, m.revenue, m.returned,
       k.published_ts, k.quarantined_records, k.dropped_records,
       k.time_zone, k.archive_version <> coalesce(
         CASE WHEN k.time_zone = 'UTC' THEN (SELECT sum(d.version) FROM archive_days d WHERE d.event_day = m.day)
              ELSE (SELECT sum(s.version) FROM archive_slots s
                     WHERE s.slot_start > k.day_start - interval '15 minutes' AND s.slot_start < k.day_end) END, 0) AS has_late_data
  FROM daily_metrics m JOIN kpi_days k ON k.day = m.day
 WHERE m.traffic = $1
 ORDER BY m.day DESC LIMIT $2`

/** The last published days, newest first. @throws GRD_STORE_* */
export async function listDailyMetrics(db: Queryable, traffic: Traffic, days: number): Promise<DailyMetricsRow[]> {
  return (await db.query<DailyMetricsRow>(METRICS, [traffic, days], { name: 'daily-metrics' })).rows
}

export interface PopularItemRow {
  readonly place: number
  readonly item_id: string
  readonly amount: number
}

export interface OfDay<Row> {
  readonly day: string
  readonly rows: Row[]
}

/** The day given, or the last one that was published; null when there is none. */
const DAY = `coalesce($1::date, (SELECT max(k.day) FROM kpi_days k WHERE k.published_ts IS NOT NULL))`

const ITEMS = `
SELECT d.day::text AS day, coalesce(jsonb_agg(jsonb_build_object('place', i.place, 'item_id', i.item_id, 'amount', i.amount)
         ORDER BY i.place) FILTER (WHERE i.place IS NOT NULL), '[]') AS rows
  FROM (SELECT k.day FROM kpi_days k WHERE k.day = ${DAY} AND k.published_ts IS NOT NULL) d
  LEFT JOIN popular_items i ON i.day = d.day AND i.traffic = $2 AND i.ranking = $3 AND i.place <= $4
 GROUP BY d.day`

/** The items of a ranking. @returns undefined when the day is not published @throws GRD_STORE_* */
export async function readPopularItems(
  db: Queryable,
  { day, traffic, ranking, limit }: { day?: string | undefined; traffic: Traffic; ranking: Ranking; limit: number },
): Promise<OfDay<PopularItemRow> | undefined> {
  return (await db.query<OfDay<PopularItemRow>>(ITEMS, [day ?? null, traffic, ranking, limit])).rows[0]
}

export interface FunnelRow {
  readonly step: FunnelStep
  readonly sessions: number
}

const FUNNEL = `
SELECT f.day::text AS day, jsonb_agg(jsonb_build_object('step', f.step, 'sessions', f.sessions)
         ORDER BY array_position(ARRAY['viewed', 'carted', 'checked_out', 'purchased'], f.step)) AS rows
  FROM conversion_funnel f WHERE f.day = ${DAY} AND f.traffic = $2 GROUP BY f.day`

/** The funnel of a day. @returns undefined when the day is not published @throws GRD_STORE_* */
export async function readFunnel(
  db: Queryable,
  { day, traffic }: { day?: string | undefined; traffic: Traffic },
): Promise<OfDay<FunnelRow> | undefined> {
  return (await db.query<OfDay<FunnelRow>>(FUNNEL, [day ?? null, traffic])).rows[0]
}

export interface PipelineRunRow {
  readonly workflow_id: string
  readonly run_id: string
  readonly workflow_type: string
  readonly status: 'running' | 'completed' | 'failed'
  readonly started_ts: Date
  readonly ended_ts: Date | null
  readonly details: Readonly<Record<string, unknown>>
}

export interface PipelineRunPage {
  /** Only of this workflow. */
  readonly type?: string | undefined
  readonly limit: number
  /** The last run of the page before. */
  readonly after?: { readonly workflowId: string; readonly runId: string } | undefined
}

/** Runs of batch workflows, newest first; one row more than asked for tells that there are others. @throws GRD_STORE_* */
export async function listPipelineRuns(
  db: Queryable,
  { type, limit, after }: PipelineRunPage,
): Promise<PipelineRunRow[]> {
  const { rows } = await db.query<PipelineRunRow>(
    `SELECT r.workflow_id, r.run_id, r.workflow_type, r.status, r.started_ts, r.ended_ts, r.details FROM pipeline_runs r
      WHERE ($1::text IS NULL OR r.workflow_type = $1)
        AND ($3::text IS NULL OR (r.started_ts, r.workflow_id, r.run_id) <
             (SELECT l.started_ts, l.workflow_id, l.run_id FROM pipeline_runs l WHERE l.workflow_id = $3 AND l.run_id = $4))
      ORDER BY r.started_ts DESC, r.workflow_id DESC, r.run_id DESC LIMIT $2`,
    [type ?? null, limit + 1, after?.workflowId ?? null, after?.runId ?? null],
  )
  return rows
}
