import type {
  DailyMetricsRow,
  FunnelRow,
  OfDay,
  PipelineRunPage,
  PipelineRunRow,
  PopularItemRow,
} from '../../db/read-models/daily-figures.js'
import { METRIC_NAMES, type Ranking, type Traffic } from '../../domain/kpi/figures.js'
import type {
  DailyMetrics,
  DailyMetricsList,
  Funnel,
  MetricsSummary,
  PipelineRunList,
  PopularItems,
} from '../../schemas/rest/figures.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError } from '../problem-error.js'
import { pageOf } from './page.js'
import type { Handlers } from './router.js'

interface OnDay {
  readonly day?: string | undefined
  readonly traffic: Traffic
}

export interface FigureReader {
  readonly dailyMetrics: (traffic: Traffic, days: number) => Promise<DailyMetricsRow[]>
  readonly popularItems: (of: OnDay & { ranking: Ranking; limit: number }) => Promise<OfDay<PopularItemRow> | undefined>
  readonly funnel: (of: OnDay) => Promise<OfDay<FunnelRow> | undefined>
  readonly pipelineRuns: (page: PipelineRunPage) => Promise<PipelineRunRow[]>
}

type FigureHandlers = Pick<
  Handlers<Operations>,
  'listDailyMetrics' | 'getMetricsSummary' | 'getPopularItems' | 'getFunnel' | 'listPipelineRuns'
>

/** What the batch workflows have published: figures of days, and the runs that made them. */
export const createFigureHandlers = (read: FigureReader): FigureHandlers => ({
  async listDailyMetrics({ query: { days, traffic } }) {
    const rows = await read.dailyMetrics(traffic, days)
    return { body: { data: rows.map(metricsOf), page: { next_cursor: null, limit: days } } satisfies DailyMetricsList }
  },

  async getMetricsSummary({ query: { days, traffic } }) {
    return { body: summaryOf(await read.dailyMetrics(traffic, days), traffic) }
  },

  async getPopularItems({ query: { by, ...of } }) {
    const { day, rows } = published(await read.popularItems({ ...of, ranking: by }))
    return { body: { day, traffic: of.traffic, by, data: rows } satisfies PopularItems }
  },

  async getFunnel({ query }) {
    const { day, rows } = published(await read.funnel(query))
    const first = rows[0]?.sessions ?? 0
    const steps = rows.map(({ step, sessions }) => ({ step, sessions, of_first: share(sessions, first) }))
    return { body: { day, traffic: query.traffic, steps } satisfies Funnel }
  },

  async listPipelineRuns({ query: { type, limit, cursor: after } }) {
    const rows = await read.pipelineRuns({ type, limit, after })
    const page = pageOf(rows, limit, runOf, ({ run_id, workflow_id }) => `${run_id}.${workflow_id}`)
    return { body: page satisfies PipelineRunList }
  },
})

function published<Row>(found: OfDay<Row> | undefined): OfDay<Row> {
  if (found === undefined) throw new ProblemError('DAY_NOT_PUBLISHED', 'no figures of this day are published')
  return found
}

const runOf = ({ started_ts, ended_ts, ...same }: PipelineRunRow) => ({
  ...same,
  started_ts: started_ts.toISOString(),
  ended_ts: ended_ts?.toISOString() ?? null,
})

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

const ratiosOf = (row: { buying_sessions: number; sessions: number; session_ms: number }) => ({
  conversion: share(row.buying_sessions, row.sessions),
  mean_session_seconds: share(row.session_ms / 1_000, row.sessions),
})

function metricsOf(row: DailyMetricsRow): DailyMetrics {
  const { day, revenue, published_ts, quarantined_records, dropped_records, has_late_data } = row
  const counts = Object.fromEntries(SUMMED.map((name) => [name, row[name]])) as Record<(typeof SUMMED)[number], number>
  const leftOut = { quarantined_records, dropped_records }
  return {
    day,
    ...counts,
    revenue,
    ...ratiosOf(row),
    published_ts: published_ts.toISOString(),
    ...leftOut,
    has_late_data,
  }
}

/** All but the time in sessions, which is told as a mean. */
const SUMMED = METRIC_NAMES.filter((name) => name !== 'session_ms')

function summaryOf(rows: readonly DailyMetricsRow[], traffic: Traffic): MetricsSummary {
  const sum = (read: (row: DailyMetricsRow) => number): number => rows.reduce((total, row) => total + read(row), 0)
  const sums = Object.fromEntries(SUMMED.map((name) => [name, sum((row) => row[name])])) as Record<
    (typeof SUMMED)[number],
    number
  >
  const revenue: Record<string, number> = {}
  for (const row of rows)
    for (const [currency, amount] of Object.entries(row.revenue)) revenue[currency] = (revenue[currency] ?? 0) + amount
  const tooLarge = Object.keys(revenue).filter((currency) => !Number.isSafeInteger(revenue[currency]))
  return {
    days: rows.length,
    from: rows.at(-1)?.day ?? null,
    to: rows[0]?.day ?? null,
    traffic,
    ...sums,
    quarantined_records: sum((row) => row.quarantined_records),
    dropped_records: sum((row) => row.dropped_records),
    revenue: Object.fromEntries(Object.entries(revenue).filter(([currency]) => !tooLarge.includes(currency))),
    revenue_too_large: tooLarge,
    ...ratiosOf({ ...sums, session_ms: sum((row) => row.session_ms) }),
  }
}
