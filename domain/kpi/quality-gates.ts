import { FUNNEL_STEPS, METRIC_NAMES, RANKINGS, TRAFFICS, type DayFigures, type Traffic } from './figures.js'

/** What is known of a day besides its figures. */
export interface DayInputs {
  /** Rows that the manifest says its files have, and rows that were read of them. */
  readonly namedRows: number
  readonly readRows: number
  /** Clicks and purchases of all traffic on recent published days that nothing was wrong with. */
  readonly recentEvents: readonly number[]
}

export interface GateResult {
  /** Why the figures may not be published; empty when they may. */
  readonly broken: readonly string[]
  /** What is unusual and published all the same. */
  readonly warnings: readonly string[]
}

/** Fewer recent days than these say nothing about what is usual. */
const LEAST_RECENT_DAYS = 3
const USUAL_FACTOR = 5

/** Holds the figures of a day against what must be true of any day. */
export function checkFigures(figures: DayFigures, inputs: DayInputs): GateResult {
  const broken = [
    ...rowFaults(inputs),
    ...TRAFFICS.flatMap((traffic) => trafficFaults(figures, traffic)),
    ...splitFaults(figures),
    ...itemFaults(figures),
  ]
  return { broken, warnings: changeWarnings(figures.metrics.all.events, inputs.recentEvents) }
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
