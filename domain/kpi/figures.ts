/** Whose events figures are of: everybody's, those of sessions without an anomaly in force, and those of the others. */
export const TRAFFICS = ['all', 'clean', 'flagged'] as const
export type Traffic = (typeof TRAFFICS)[number]

/** What items are ranked by: item views, times put into a cart, units sold. */
export const RANKINGS = ['views', 'carts', 'purchases'] as const
export type Ranking = (typeof RANKINGS)[number]

/** The steps of a session towards a purchase, in their order. */
export const FUNNEL_STEPS = ['viewed', 'carted', 'checked_out', 'purchased'] as const
export type FunnelStep = (typeof FUNNEL_STEPS)[number]

/** Counts of one kind of traffic on one day, after each event_id was counted once. */
export const METRIC_NAMES = [
  'events',
  'sessions',
  'users',
  'page_views',
  'item_views',
  'add_to_carts',
  'remove_from_carts',
  'checkouts',
  'purchases',
  'orders',
  'units_sold',
  'returns',
  'units_returned',
  'buying_sessions',
  'session_ms',
] as const
export type MetricName = (typeof METRIC_NAMES)[number]

export interface Metrics extends Readonly<Record<MetricName, number>> {
  /** By currency (ISO 4217), in its minor units: amounts of two currencies are never added. */
  readonly revenue: Readonly<Record<string, number>>
  /** What was returned, in the same way. Net revenue is the difference. */
  readonly returned: Readonly<Record<string, number>>
}

export interface PopularItem {
  readonly traffic: Traffic
  readonly ranking: Ranking
  /** 1 to 100. */
  readonly place: number
  readonly item_id: string
  readonly amount: number
}

/** All figures of a day. */
export interface DayFigures {
  readonly metrics: Readonly<Record<Traffic, Metrics>>
  readonly items: readonly PopularItem[]
  /** Sessions that came to each step. */
  readonly funnel: Readonly<Record<Traffic, Readonly<Record<FunnelStep, number>>>>
}

type Row = Readonly<Record<string, unknown>>

/** What an engine's queries gave, one list of rows each. */
export interface FigureRows {
  readonly metrics: readonly Row[]
  readonly revenue: readonly Row[]
  readonly items: readonly Row[]
  readonly funnel: readonly Row[]
}

const byTraffic = <T>(read: (traffic: Traffic) => T): Record<Traffic, T> => ({
  all: read('all'),
  clean: read('clean'),
  flagged: read('flagged'),
})

/** PostgreSQL stores no NUL. */
const textOf = (row: Row, name: string): string => String(row[name]).replaceAll('\0', '\ufffd')

const wholeOf = (row: Row | undefined, name: string): number => Number(row?.[name] ?? 0)

const amountsOf = (rows: readonly Row[], name: 'amount' | 'returned'): Record<string, number> =>
  Object.fromEntries(
    rows
      .map((row): [string, number] => [textOf(row, 'currency'), wholeOf(row, name)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

/** What was sold less what was returned, by currency, in its minor units. */
export const netOf = ({ revenue, returned }: Pick<Metrics, 'revenue' | 'returned'>): Record<string, number> =>
  Object.fromEntries(Object.entries(revenue).map(([currency, sold]) => [currency, sold - (returned[currency] ?? 0)]))

/** The figures that rows say; what no row speaks of is zero, so a day without events has figures, too. */
export function figuresOf({ metrics, revenue, items, funnel }: FigureRows): DayFigures {
  const of = (rows: readonly Row[], traffic: Traffic): Row[] => rows.filter((row) => row['traffic'] === traffic)
  return {
    metrics: byTraffic((traffic) => ({
      ...(Object.fromEntries(METRIC_NAMES.map((name) => [name, wholeOf(of(metrics, traffic)[0], name)])) as Record<
        MetricName,
        number
      >),
      revenue: amountsOf(of(revenue, traffic), 'amount'),
      returned: amountsOf(of(revenue, traffic), 'returned'),
    })),
    items: items
      .map((row) => ({
        traffic: row['traffic'] as Traffic,
        ranking: row['ranking'] as Ranking,
        place: wholeOf(row, 'place'),
        item_id: textOf(row, 'item_id'),
        amount: wholeOf(row, 'amount'),
      }))
      .sort(
        (a, b) =>
          TRAFFICS.indexOf(a.traffic) - TRAFFICS.indexOf(b.traffic) ||
          RANKINGS.indexOf(a.ranking) - RANKINGS.indexOf(b.ranking) ||
          a.place - b.place,
      ),
    funnel: byTraffic(
      (traffic) =>
        Object.fromEntries(
          FUNNEL_STEPS.map((step) => [
            step,
            wholeOf(
              of(funnel, traffic).find((row) => row['step'] === step),
              'sessions',
            ),
          ]),
        ) as Record<FunnelStep, number>,
    ),
  }
}
