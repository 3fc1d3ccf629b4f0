import { GuardianError } from '../errors.js'
import type { Anomaly } from './anomaly.js'
import type { ObservedEvent } from './fate.js'
import { PartitionDetector, type DetectorPolicy } from './partition-detector.js'
import type { RuleInForce } from './rule.js'

export interface BackTestRules {
  readonly candidate: RuleInForce
  /** What it is compared with; undefined when no version of the rule is in force. */
  readonly inForce: RuleInForce | undefined
}

export interface BackTestSpan {
  /** Windows that begin in `[fromMs, toMs)` count; the others only warm the detector up. */
  readonly fromMs: number
  readonly toMs: number
  /** Windows of both rules that are kept at most. */
  readonly maxWindows: number
}

/**
 * Decides one partition of the archive by a candidate rule and the rule in force at once, with the detector itself: the
 * candidate looks on in shadow, as it would in production. Its rows are of mode shadow, those of the rule in force active.
 */
export class BackTest {
  readonly #detector: PartitionDetector
  readonly #rules: readonly RuleInForce[]
  readonly #span: BackTestSpan
  readonly #allowedLatenessMs: number
  readonly #rows = new Map<string, Anomaly>()

  constructor(policy: DetectorPolicy, { candidate, inForce }: BackTestRules, span: BackTestSpan) {
    this.#rules = [
      { ...candidate, mode: 'shadow' },
      ...(inForce === undefined ? [] : [{ ...inForce, mode: 'active' as const }]),
    ]
    this.#detector = new PartitionDetector(policy, this.#rules)
    this.#span = span
    this.#allowedLatenessMs = policy.allowedLatenessMs
  }

  /** Goes on behind records that are not read. @param highMs the highest min(event, append) time among them */
  resumeBehind(highMs: number): void {
    this.#detector.resumeAt(highMs - this.#allowedLatenessMs, Number.NEGATIVE_INFINITY)
  }

  /** A tick of the log, at its place among the records. @param atMs the earlier of its time and its log append time */
  tick(atMs: number, offset: number): void {
    this.#detector.tick(atMs, offset, atMs)
    this.#keep(this.#detector.takeChanges())
  }

  /**
   * Decides the next record of the partition.
   * @throws GRD_BAD_INPUT when more windows are flagged than may be kept
   */
  decide(event: ObservedEvent, offset: number, appendMs: number): void {
    this.#detector.process(event, offset, appendMs)
    this.#keep(this.#detector.takeChanges())
  }

  /**
   * The rows of both rules after the last record that was read. A window whose end the log has passed since, with records
   * that were not read because none of them can be in it, is closed by its condition.
   * @param logHighMs the highest min(event, append) time of all of the partition
   */
  rows(logHighMs: number): Anomaly[] {
    this.#keep(this.#detector.takeUpdates())
    const passedMs = logHighMs - this.#allowedLatenessMs
    return [...this.#rows.values()].map((row) =>
      row.status === 'open' && row.windowEndMs <= passedMs ? { ...row, status: this.#closed(row) } : row,
    )
  }

  #closed({ mode, eventCount, distinctItems }: Anomaly): 'confirmed' | 'retracted' {
    const condition = this.#rules.find((rule) => rule.mode === mode)?.condition
    const holds = condition && eventCount >= condition.minEvents && distinctItems <= condition.maxDistinct(eventCount)
    return holds === true ? 'confirmed' : 'retracted'
  }

  #keep(changed: readonly Anomaly[]): void {
    const { fromMs, toMs, maxWindows } = this.#span
    for (const row of changed) {
      if (row.windowStartMs < fromMs || row.windowStartMs >= toMs) continue
      this.#rows.set(`${row.windowStartMs} ${row.mode} ${row.sessionId}`, row)
    }
    if (this.#rows.size > maxWindows)
      throw new GuardianError(
        'GRD_BAD_INPUT',
        `the rules flag more than ${maxWindows} windows in one partition: narrow the candidate, or test fewer days`,
      )
  }
}
