import { median } from './stage.js'

/** How one program drained the topic. */
export interface Figures {
  readonly eventsPerSecond: number
  /** User and system time of its processes. */
  readonly cpuMicrosecondsPerEvent: number
  /** The highest resident memory, of several processes the sum. */
  readonly peakMegabytes: number
}

export const FIGURES_HEAD = '| | events/s | CPU µs per event | peak MB |\n|---|---|---|---|'

/** A line of the table. */
export const figuresLine = (name: string, figures: Figures): string =>
  `| ${name} | ${Math.round(figures.eventsPerSecond).toLocaleString('en')} | ${figures.cpuMicrosecondsPerEvent.toFixed(2)} | ${Math.round(figures.peakMegabytes)} |`

/** Each figure's median on its own. */
export const medianFigures = (all: readonly Figures[]): Figures => ({
  eventsPerSecond: median(all.map((f) => f.eventsPerSecond)),
  cpuMicrosecondsPerEvent: median(all.map((f) => f.cpuMicrosecondsPerEvent)),
  peakMegabytes: median(all.map((f) => f.peakMegabytes)),
})
