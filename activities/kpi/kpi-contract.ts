import type { ChangeCauses, FigureChange } from '../../domain/kpi/compare-figures.js'
import type { StaleReason } from '../../domain/kpi/day-versions.js'
import type { UtcDay } from '../../domain/utc-day.js'

/** The offset that the next record of each partition will get. */
export type LogEnds = readonly { readonly topic: string; readonly partition: number; readonly end: number }[]

/** A day whose figures are computed and not published yet. */
export interface ComputedDay {
  readonly fence: number
  readonly attempt: number
  readonly files: number
  readonly rows: number
  readonly events: number
  readonly purchases: number
  readonly sessions: number
  readonly flaggedSessions: number
  /** Rows whose event had been there before. */
  readonly repeatedRows: number
  /** Records that wait for a decision, and that a decision has dropped: the figures are without them. */
  readonly quarantinedRecords: number
  readonly droppedRecords: number
  /** The same for people, a line each; empty when the figures have every record. Absent in results of earlier releases. */
  readonly leftOut?: readonly string[]
  readonly warnings: readonly string[]
  readonly computeMs: number
}

export interface PublishedDay {
  readonly isFirst: boolean
  readonly changedFigures: number
  readonly causes: ChangeCauses
  /** One line for people. */
  readonly summary: string
  /** The first fifty. */
  readonly changes: readonly FigureChange[]
}

/** What a run of a day would read, and why it would change something; `why` is empty when it would not. */
export interface DayPreview {
  readonly day: UtcDay
  readonly files: number
  readonly rows: number
  readonly isPublished: boolean
  readonly why: readonly StaleReason[]
}
