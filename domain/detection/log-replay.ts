import type { Anomaly } from './anomaly.js'
import type { Fate, ObservedEvent } from './fate.js'
import { PartitionDetector, type DetectorPolicy } from './partition-detector.js'
import type { RuleInForce } from './rule.js'

/** The rules that decide from an offset on. */
export interface RulesFrom {
  readonly fromOffset: number
  readonly rules: readonly RuleInForce[]
}

/** One record of the session that is looked at, and what became of it. */
export interface SessionStep {
  readonly offset: number
  readonly appendMs: number
  /** Undefined when the record cannot be decoded. */
  readonly event: ObservedEvent | undefined
  readonly fate: Fate
  /** Why it is a dead letter. */
  readonly fault: string | undefined
  /** Before the record; minus infinity before the first event. */
  readonly watermarkMs: number
}

interface DeadRecord {
  readonly key: string | undefined
  readonly event: ObservedEvent | undefined
  readonly offset: number
  readonly appendMs: number
  readonly fault: string
}

/**
 * Decides a part of a partition's log once more, by the rules that were in force, and keeps what concerns one session.
 * What came before the part is not known to it: of the first records it can take a late one, or a duplicate, for a new one.
 */
export class LogReplay {
  readonly steps: SessionStep[] = []
  readonly #gapsMs: number[] = []
  readonly #gapEnds: readonly number[]
  #lastEventMs: number | undefined
  readonly #detector: PartitionDetector
  readonly #changes: readonly RulesFrom[]
  readonly #sessionId: string
  readonly #rows = new Map<string, Anomaly>()
  #changed = 0

  /**
   * @param changes in the order of their offsets
   * @param gapEnds the first offsets behind what was lost, in order
   */
  constructor(
    policy: DetectorPolicy,
    changes: readonly RulesFrom[],
    sessionId: string,
    gapEnds: readonly number[] = [],
  ) {
    this.#gapEnds = gapEnds
    this.#detector = new PartitionDetector(policy, [])
    this.#changes = changes
    this.#sessionId = sessionId
  }

  /** A record that was decoded. */
  decide(event: ObservedEvent, offset: number, appendMs: number): void {
    this.#useRulesAt(offset)
    const { watermarkMs } = this.#detector
    const fate = this.#detector.process(event, offset, appendMs)
    if (fate === 'accepted') {
      this.#lastEventMs = event.event_ts
      while (offset >= (this.#gapEnds[this.#gapsMs.length] ?? Infinity)) this.#gapsMs.push(event.event_ts)
    }
    this.#keep(this.#detector.takeChanges())
    if (event.session_id !== this.#sessionId) return
    const fault = fate === 'dead' ? this.#detector.fault?.detail : undefined
    this.steps.push({ offset, appendMs, event: { ...event }, fate, fault, watermarkMs })
  }

  /**
   * A record that the detector has made a dead letter, or would.
   * @param key of the record: the session, if its producer keeps to the contract
   * @param event undefined when it cannot be decoded
   */
  decideDead({ key, event, offset, appendMs, fault }: DeadRecord): void {
    this.#useRulesAt(offset)
    this.#detector.countDead()
    if (key !== this.#sessionId && event?.session_id !== this.#sessionId) return
    const { watermarkMs } = this.#detector
    this.steps.push({ offset, appendMs, event, fate: 'dead', fault, watermarkMs })
  }

  /** A tick, which is no record of any session. */
  tick(atMs: number, offset: number, appendMs: number): void {
    this.#useRulesAt(offset)
    this.#detector.tick(atMs, offset, appendMs)
    this.#keep(this.#detector.takeChanges())
  }

  /** About when it was, in event time, where records were lost: the first event behind each gap, or the last of all. */
  get gapsMs(): readonly number[] {
    const isAtEnd = this.#gapsMs.length < this.#gapEnds.length && this.#lastEventMs !== undefined
    return isAtEnd ? [...this.#gapsMs, this.#lastEventMs ?? 0] : this.#gapsMs
  }

  /** The session's anomalies as they are after the last record. */
  rows(): Anomaly[] {
    this.#keep(this.#detector.takeUpdates())
    return [...this.#rows.values()]
  }

  #useRulesAt(offset: number): void {
    let rules: readonly RuleInForce[] | undefined
    for (let next; (next = this.#changes[this.#changed]) && next.fromOffset <= offset; this.#changed++)
      rules = next.rules
    if (rules) this.#detector.useRules(rules)
  }

  #keep(anomalies: readonly Anomaly[]): void {
    for (const anomaly of anomalies) {
      if (anomaly.sessionId !== this.#sessionId) continue
      const key = `${anomaly.windowStartMs} ${anomaly.mode} ${anomaly.ruleId}`
      if (anomaly.asOfOffset >= (this.#rows.get(key)?.asOfOffset ?? -1)) this.#rows.set(key, anomaly)
    }
  }
}
