import { FUNNEL_STEPS, METRIC_NAMES, RANKINGS, TRAFFICS, type DayFigures, type Traffic } from './figures.js'

/** Fields without which an event is not in some figures. */
export const NEEDED_FIELDS = ['event_type', 'order_id', 'item_id', 'quantity', 'unit_price', 'currency'] as const

/** Events of a day, each once, that lack a field. */
export interface MissingField {
  readonly field: (typeof NEEDED_FIELDS)[number]
  readonly events: number
}

/** What is known of a day besides its figures. */
export interface DayInputs {
  /** Rows that the manifest says its files have, and rows that were read of them. */
  readonly namedRows: number
  readonly readRows: number
  readonly nulls: readonly MissingField[]
  /** Clicks and purchases of all traffic on recent published days that nothing was wrong with. */
  readonly recentEvents: readonly number[]
}

export interface GateResult {
  /** Why the figures may not be published; empty when they may. */
  readonly broken: readonly string[]
  /** What somebody should know, and is published all the same. */
  readonly warnings: readonly string[]
  /** Whether there were many more, or many fewer, events than on recent days: such a day says nothing about what is usual. */
  readonly isUnusual: boolean
}

/** Fewer recent days than these say nothing about what is usual. */
const LEAST_RECENT_DAYS = 3
const USUAL_FACTOR = 5
/** Beyond this share of events without a field, what is computed from it misleads. */
const MOST_WITHOUT = 0.01

/** Holds the figures of a day against what must be true of any day. */
export function checkFigures(figures: DayFigures, inputs: DayInputs): GateResult {
  const nulls = inputs.nulls.filter(({ events }) => events > 0).map((one) => describeNulls(one, figures))
  const unusual = changeWarnings(figures.metrics.all.events + figures.metrics.all.purchases, inputs.recentEvents)
  const broken = [
    ...rowFaults(inputs),
    ...nulls.filter(({ share }) => share > MOST_WITHOUT).map(({ text }) => text),
    ...TRAFFICS.flatMap((traffic) => trafficFaults(figures, traffic)),
    ...splitFaults(figures),
    ...itemFaults(figures),
  ]
  const few = nulls.filter(({ share }) => share <= MOST_WITHOUT)
  const warnings = [...few.map(({ text }) => `${text}: they are not in all figures`), ...unusual]
  return { broken, warnings, isUnusual: unusual.length > 0 }
}

/** One event in a thousand that cannot be read whole must not keep a day back; a field that a producer has dropped must. */
function describeNulls({ field, events }: MissingField, { metrics: { all } }: DayFigures) {
  const [of, name] = field === 'event_type' ? [all.events, 'clicks'] : [all.purchases, 'purchases']
  return { share: events / Math.max(of, 1), text: `${events} of ${of} ${name} have no ${field}` }
}

const rowFaults = ({ namedRows, readRows }: DayInputs): string[] =>
  namedRows === readRows ? [] : [`the manifest names ${namedRows} rows, and the files have ${readRows}`]

function trafficFaults({ metrics, funnel }: DayFigures, traffic: Traffic): string[] {
  const m = metrics[traffic]
  const faults: string[] = []
  const unfit = [...METRIC_NAMES.map((name) => [name, m[name]] as const), ...Object.entries(m.revenue)]
  for (const [name, value] of unfit)
    if (!Number.isSafeInteger(value)) faults.push(`${traffic}: ${name} is no whole number below 2^53`)
  const typed = m.page_views + m.item_views + m.add_to_carts + m.remove_from_carts + m.checkouts
  if (typed !== m.events) faults.push(`${traffic}: ${m.events} events, but ${typed} by type`)
  if (m.buying_sessions > m.sessions) faults.push(`${traffic}: more buying sessions than sessions`)
  if (m.orders > m.purchases) faults.push(`${traffic}: more orders than purchases`)
  const steps = FUNNEL_STEPS.map((step) => funnel[traffic][step])
  if ([m.sessions, ...steps].some((sessions, i, all) => sessions > (all[i - 1] ?? sessions)))
    faults.push(`${traffic}: the funnel widens: ${steps.join(', ')} of ${m.sessions}`)
  return faults
}

/** A session is clean or flagged, never both: what is counted by session or event has to add up. Users may be both. */
function splitFaults({ metrics: { all, clean, flagged } }: DayFigures): string[] {
  return METRIC_NAMES.filter((name) => name !== 'users' && name !== 'orders')
    .filter((name) => all[name] !== clean[name] + flagged[name])
    .map((name) => `${name}: ${clean[name]} clean and ${flagged[name]} flagged are not ${all[name]}`)
}

function itemFaults({ items, metrics }: DayFigures): string[] {
  const limits = { views: 'item_views', carts: 'add_to_carts', purchases: 'units_sold' } as const
  return TRAFFICS.flatMap((traffic) =>
    RANKINGS.filter((ranking) => {
      const sum = items
        .filter((item) => item.traffic === traffic && item.ranking === ranking)
        .reduce((total, { amount }) => total + amount, 0)
      return sum > metrics[traffic][limits[ranking]]
    }).map((ranking) => `${traffic}: the items by ${ranking} are more than ${limits[ranking]}`),
  )
}

function changeWarnings(events: number, recent: readonly number[]): string[] {
  if (recent.length < LEAST_RECENT_DAYS) return []
  const sorted = [...recent].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  if (events * USUAL_FACTOR >= median && events <= median * USUAL_FACTOR) return []
  return [`${events} events, where ${median} are usual`]
}
