import type {
  DailyMetricsRow,
  FunnelRow,
  OfDay,
  PipelineRunPage,
  PipelineRunRow,
  PopularItemRow,
} from '../../db/read-models/daily-figures.js'
import { exponentOf } from '../../domain/events/currencies.js'
import { METRIC_NAMES, netOf, type Metrics, type Ranking, type Traffic } from '../../domain/kpi/figures.js'
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

/** A currency of days before currencies were checked may be none: it has the usual two digits. */
const moneyOf = ({ revenue, returned }: Pick<Metrics, 'revenue' | 'returned'>) => ({
  revenue,
  // Days that were published before there were returns name none.
  returned: Object.fromEntries(Object.keys(revenue).map((currency) => [currency, returned[currency] ?? 0])),
  net_revenue: netOf({ revenue, returned }),
  currency_exponents: Object.fromEntries(Object.keys(revenue).map((currency) => [currency, exponentOf(currency) ?? 2])),
})

function addUp(amounts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const byCurrency of amounts)
    for (const [currency, amount] of Object.entries(byCurrency)) sums[currency] = (sums[currency] ?? 0) + amount
  return sums
}

function metricsOf(row: DailyMetricsRow): DailyMetrics {
  const { day, published_ts, quarantined_records, dropped_records, has_late_data } = row
  const counts = Object.fromEntries(SUMMED.map((name) => [name, row[name]])) as Record<(typeof SUMMED)[number], number>
  const leftOut = { quarantined_records, dropped_records }
  return {
    day,
    time_zone: row.time_zone,
    ...counts,
    ...moneyOf(row),
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
  const revenue = addUp(rows.map((row) => row.revenue))
  const returned = addUp(rows.map((row) => row.returned))
  const isSafe = (currency: string) => [revenue, returned].every((sums) => Number.isSafeInteger(sums[currency] ?? 0))
  const safe = (amounts: Record<string, number>) =>
    Object.fromEntries(Object.entries(amounts).filter(([currency]) => isSafe(currency)))
  return {
    days: rows.length,
    from: rows.at(-1)?.day ?? null,
    to: rows[0]?.day ?? null,
    time_zones: [...new Set(rows.map((row) => row.time_zone))],
    traffic,
    ...sums,
    quarantined_records: sum((row) => row.quarantined_records),
    dropped_records: sum((row) => row.dropped_records),
    ...moneyOf({ revenue: safe(revenue), returned: safe(returned) }),
    revenue_too_large: Object.keys(revenue).filter((currency) => !isSafe(currency)),
    ...ratiosOf({ ...sums, session_ms: sum((row) => row.session_ms) }),
  }
}
