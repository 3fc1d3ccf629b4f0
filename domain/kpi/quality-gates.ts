import { FUNNEL_STEPS, METRIC_NAMES, RANKINGS, TRAFFICS, type DayFigures, type Traffic } from './figures.js'
import { listed, waitingRecords, type DayQuarantine, type QuarantinedCount } from './quarantine.js'

/** Fields without which an event is not in some figures. */
export const NEEDED_FIELDS = ['event_type', 'order_id', 'item_id', 'quantity', 'unit_price', 'currency'] as const

/** Events of a day that are counted, each once, and lack a field: a decision has released them. */
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
  /** Counted clicks whose event type is none that the figures count: a decision has released them. */
  readonly unknownTypes: number
  readonly quarantine: DayQuarantine
  /** Records of a day that may wait for a decision at most: beyond it, a producer is at fault and not a record. */
  readonly maxQuarantined: number
  /** Clicks and purchases of all traffic on recent published days that nothing was wrong with. */
  readonly recentEvents: readonly number[]
}

export interface GateResult {
  /** Why the figures may not be published; empty when they may. */
  readonly broken: readonly string[]
  /** What to do about it, in the order of `broken`, each once. */
  readonly remedies: readonly string[]
  /** What somebody should know, and is published all the same. */
  readonly warnings: readonly string[]
  /** Whether there were many more, or many fewer, events than on recent days: such a day says nothing about what is usual. */
  readonly isUnusual: boolean
}

interface Fault {
  readonly text: string
  readonly remedy: string
}

/** Fewer recent days than these say nothing about what is usual. */
const LEAST_RECENT_DAYS = 3
const USUAL_FACTOR = 5
/** Beyond this share of events without a field, and this number of them, what is computed from it misleads. */
const MOST_WITHOUT = 0.01
const MOST_WITHOUT_RECORDS = 20

const RECOMPUTE =
  'the published figures stay as they were; run the day again, and report the message if it appears again: it is a fault of the computation'

/** Holds the figures of a day against what must be true of any day. */
export function checkFigures(figures: DayFigures, inputs: DayInputs): GateResult {
  const nulls = inputs.nulls.filter(({ events }) => events > 0).map((one) => describeNulls(one, figures))
  const unusual = changeWarnings(figures.metrics.all.events + figures.metrics.all.purchases, inputs.recentEvents)
  const faults = [
    ...rowFaults(inputs),
    ...quarantineFaults(inputs, figures),
    ...[...typeFaults(figures, inputs), ...TRAFFICS.flatMap((traffic) => trafficFaults(figures, traffic))].map(asFault),
    ...[...splitFaults(figures), ...itemFaults(figures)].map(asFault),
  ]
  const warnings = [...nulls.map((text) => `${text}: they are not in all figures`), ...unusual]
  return {
    broken: faults.map(({ text }) => text),
    remedies: [...new Set(faults.map(({ remedy }) => remedy))],
    warnings,
    isUnusual: unusual.length > 0,
  }
}

const asFault = (text: string): Fault => ({ text, remedy: RECOMPUTE })

/** Of clicks or of purchases, whichever have the field. */
const eventsWith = (field: string | null, { metrics: { all } }: DayFigures): readonly [number, string] =>
  field === 'event_type' || field === null ? [all.events, 'clicks'] : [all.purchases + all.returns, 'purchases']

function describeNulls({ field, events }: MissingField, figures: DayFigures): string {
  const [of, name] = eventsWith(field, figures)
  return `${events} of ${of} ${name} have no ${field}`
}

/** Some records that cannot be read whole must not keep a day back; a field that a producer has dropped must. */
function quarantineFaults({ quarantine, maxQuarantined }: DayInputs, figures: DayFigures): Fault[] {
  const records = waitingRecords(quarantine)
  const { places } = quarantine
  const faults = quarantine.waiting.flatMap((count) => {
    const text = producerFault(count, figures)
    return text === undefined ? [] : [{ text: `${text} (${listed(places, records)})`, remedy: decideOn(count) }]
  })
  if (records <= maxQuarantined) return faults
  const text = `${records} records break a sum or lack a field, and at most ${maxQuarantined} of a day may be quarantined (KPI_QUARANTINE_MAX_RECORDS): ${listed(places, records)}`
  return [...faults, { text, remedy: decideOn() }]
}

function producerFault({ reason, field, records }: QuarantinedCount, figures: DayFigures): string | undefined {
  if (reason !== 'MISSING_FIELD' && reason !== 'UNKNOWN_EVENT_TYPE') return undefined
  const [counted, name] = eventsWith(field, figures)
  const of = counted + records
  if (records <= MOST_WITHOUT_RECORDS || records <= of * MOST_WITHOUT) return undefined
  return `${records} of ${of} ${name} have ${field === null ? 'an unknown event type' : `no ${field}`}`
}

const decideOn = (count?: Pick<QuarantinedCount, 'reason'>): string =>
  'correct the producer; `guardian kpi quarantine list --day DAY` shows the records, and ' +
  `\`guardian kpi quarantine drop --day DAY${count === undefined ? '' : ` --reason ${count.reason}`}\` leaves them out, so that the next run publishes the day`

const rowFaults = ({ namedRows, readRows }: DayInputs): Fault[] =>
  namedRows === readRows
    ? []
    : [
        {
          text: `the manifest names ${namedRows} rows, and the files have ${readRows}`,
          remedy:
            'restore the files of the day from a copy of the archive (archive_files names them), and run the day again',
        },
      ]

/** Every click that counts has one of the types, but for those that a decision has released without. */
function typeFaults({ metrics: { all: m } }: DayFigures, { nulls, unknownTypes }: DayInputs): string[] {
  const typed = m.page_views + m.item_views + m.add_to_carts + m.remove_from_carts + m.checkouts
  const untyped = (nulls.find(({ field }) => field === 'event_type')?.events ?? 0) + unknownTypes
  return typed + untyped === m.events ? [] : [`all: ${m.events} events, but ${typed} by type`]
}

function trafficFaults({ metrics, funnel }: DayFigures, traffic: Traffic): string[] {
  const m = metrics[traffic]
  const faults: string[] = []
  const unfit = [
    ...METRIC_NAMES.map((name) => [name, m[name]] as const),
    ...Object.entries(m.revenue),
    ...Object.entries(m.returned),
  ]
  for (const [name, value] of unfit)
    if (!Number.isSafeInteger(value)) faults.push(`${traffic}: ${name} is no whole number below 2^53`)
  const typed = m.page_views + m.item_views + m.add_to_carts + m.remove_from_carts + m.checkouts
  if (typed > m.events) faults.push(`${traffic}: ${m.events} events, but ${typed} by type`)
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
