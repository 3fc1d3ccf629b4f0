import type { Patch } from './patched-copy.js'

/**
 * One row of the verification plan: a fault, and what must hold in spite of it. A row starts what it needs, brings the fault
 * about, and compares the result with the oracle, never with itself.
 */
export interface Row {
  /** The row's name in the plan, such as "A1". */
  readonly id: string
  /** The fault, in the words of docs/reliability.md. */
  readonly fault: string
  /** What must hold in spite of it. */
  readonly invariant: string
  /** Whether it is part of `npm run verify -- --quick`. */
  readonly quick: boolean
  /** What it changes in copies of the compiled product. The unit tests look whether the product still has these places. */
  readonly patches?: readonly Patch[]
  /** Runs it. A row that cannot be run here throws, and is reported as failed, never as passed. */
  run(settings: RowSettings): Promise<RowOutcome>
}

/** What a run of a row is given; the same settings bring about the same schedule of faults. */
export interface RowSettings {
  /** Seeds every choice that the row makes at random: offsets, pauses, mutations. */
  readonly seed: number
  /** True for the short run of a few minutes, false for the figures that the documentation prints. */
  readonly quick: boolean
  /** Tells whoever watches how far the row has come, a line at a time. */
  readonly say: (line: string) => void
}

/** What came of a row. */
export interface RowOutcome {
  /** Whether the invariant held. */
  readonly held: boolean
  /** The figure to print, such as "50/50 kills, 0 rows differ". */
  readonly figure: string
  /** What the figure was measured with: events, partitions, processes, timeouts. */
  readonly configuration: Readonly<Record<string, string | number | boolean>>
  /** What differed, when something did: enough lines to begin looking. */
  readonly differences?: readonly string[]
}
