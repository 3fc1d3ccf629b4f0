import type { FigureRows } from '../../domain/kpi/figures.js'

/** What the figures of a day are computed from. */
export interface DayQuestion {
  /** Paths that the engine can open. */
  readonly clickFiles: readonly string[]
  readonly purchaseFiles: readonly string[]
  readonly flaggedSessions: readonly string[]
  /** The day as `[fromMs, toMs)`. */
  readonly fromMs: number
  readonly toMs: number
}

export interface DayAnswer extends FigureRows {
  /** Rows of all files, of whatever day. */
  readonly readRows: number
}

/** Runs the queries of `activities/kpi/sql` over Parquet files. */
export interface KpiEngine {
  /** @throws when it runs out of memory and disk, or a file is not what the manifest says */
  compute(question: DayQuestion): Promise<DayAnswer>
}
