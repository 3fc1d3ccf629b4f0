import { METRIC_NAMES, TRAFFICS, type Metrics, type Traffic } from './figures.js'

/** A figure that is not what it was. */
export interface FigureChange {
  readonly traffic: Traffic
  /** A metric, or `revenue EUR`, or `returned EUR`. */
  readonly figure: string
  readonly before: number
  readonly after: number
}

/** Why a day that was published before may differ now. */
export interface ChangeCauses {
  /** Rows archived since. */
  readonly lateRows: number
  readonly flaggedSessionsBefore: number
  readonly flaggedSessionsAfter: number
  /** Whether other sessions are flagged than before, also when they are as many. */
  readonly otherVerdicts: boolean
}

export type DayMetrics = Readonly<Record<Traffic, Metrics>>

/** Every metric that differs, by traffic in order. */
export function compareMetrics(before: DayMetrics, after: DayMetrics): FigureChange[] {
  return TRAFFICS.flatMap((traffic) => {
    const [was, is] = [flat(before[traffic]), flat(after[traffic])]
    return [...new Set([...was.keys(), ...is.keys()])]
      .map((figure) => ({ traffic, figure, before: was.get(figure) ?? 0, after: is.get(figure) ?? 0 }))
      .filter((change) => change.before !== change.after)
  })
}

const flat = (metrics: Metrics): Map<string, number> =>
  new Map([
    ...METRIC_NAMES.map((name): [string, number] => [name, metrics[name]]),
    ...Object.entries(metrics.revenue).map(([currency, amount]): [string, number] => [`revenue ${currency}`, amount]),
    ...Object.entries(metrics.returned).map(([currency, amount]): [string, number] => [`returned ${currency}`, amount]),
  ])

/** One line for people: what became of a day that is published again. */
export function describeChanges(changes: readonly FigureChange[], causes: ChangeCauses): string {
  if (changes.length === 0) return 'the same figures as before'
  const shown = changes.filter(({ traffic }) => traffic === 'all')
  const what = (shown.length > 0 ? shown : changes).slice(0, 5).map(({ traffic, figure, before, after }) => {
    const share =
      before === 0 ? '' : ` (${after >= before ? '+' : ''}${(((after - before) / before) * 100).toFixed(1)} %)`
    return `${traffic === 'all' ? '' : `${traffic} `}${figure} ${before} → ${after}${share}`
  })
  const because = [
    ...(causes.lateRows > 0 ? [`${causes.lateRows} rows came since`] : []),
    ...(causes.otherVerdicts
      ? [`flagged sessions ${causes.flaggedSessionsBefore} → ${causes.flaggedSessionsAfter}`]
      : []),
  ]
  return `${what.join(', ')}${because.length > 0 ? `, because ${because.join(' and ')}` : ''}`
}
