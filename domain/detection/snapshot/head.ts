import { GuardianError } from '../../errors.js'
import { type OpenWindow } from '../open-windows.js'
import type { Counts, DetectorPolicy } from '../partition-detector.js'
import { PartitionDetector } from '../partition-detector.js'
import { ruleInForce, type RuleInForce, type RuleKind, type RuleMode } from '../rule.js'

/** Raised when the shape below changes; `restoreDetector` reads every number it ever had. */
const HEAD_FORMAT = 1

interface StoredRule {
  readonly ruleId: string
  readonly version: number
  readonly mode: RuleMode
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** The part of the state that every checkpoint writes whole: small, and readable by a person. */
interface Head {
  readonly format: number
  /** null before the first event. */
  readonly watermarkMs: number | null
  readonly keptFromPane: number | null
  readonly counts: Counts
  readonly rules: readonly StoredRule[]
  readonly open: readonly (Omit<OpenWindow, 'rule' | 'changed'> & { readonly rule: StoredRule })[]
}

const stored = ({ ruleId, version, mode, kind, parameters }: RuleInForce): StoredRule => ({
  ruleId,
  version,
  mode,
  kind,
  parameters,
})

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

/** Watermark, counts, rules in force and open windows, as JSON text. */
export function takeHead(detector: PartitionDetector): string {
  const head: Head = {
    format: HEAD_FORMAT,
    watermarkMs: finiteOrNull(detector.watermarkMs),
    keptFromPane: finiteOrNull(detector.keptFromPane),
    counts: { ...detector.counts },
    rules: detector.rules.map(stored),
    open: [...detector.openWindows.all()].map(
      ({ rule, sessionId, startPane, endPane, producedMs, kafkaMs, crossed }) => ({
        rule: stored(rule),
        sessionId,
        startPane,
        endPane,
        producedMs,
        kafkaMs,
        crossed,
      }),
    ),
  }
  return JSON.stringify(head)
}

/**
 * A detector as it was when `head` was taken, but for its panes and ids, which `restorePiece` puts back.
 * @throws GuardianError GRD_SNAPSHOT_REFUSED for a head of an unknown format; GRD_BAD_RULE for a rule that it holds and
 * this program cannot decide by
 */
export function restoreHead(
  text: string,
  policy: DetectorPolicy,
  kinds: ReadonlyMap<string, RuleKind>,
): PartitionDetector {
  try {
    return resume(JSON.parse(text) as Head | null, policy, kinds)
  } catch (cause) {
    if (cause instanceof GuardianError) throw cause
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'the head of the detection state cannot be read', { cause })
  }
}

function resume(head: Head | null, policy: DetectorPolicy, kinds: ReadonlyMap<string, RuleKind>): PartitionDetector {
  if (head?.format !== HEAD_FORMAT) throw new RangeError(`head format ${head?.format ?? 'none'} is not known`)
  const inForce = ({ ruleId, version, mode, kind, parameters }: StoredRule): RuleInForce =>
    ruleInForce({ ruleId, version, kind, state: mode, parameters }, mode, kinds)
  const rules = head.rules.map(inForce)
  const detector = new PartitionDetector(policy, rules)
  for (const { rule, ...window } of head.open)
    detector.openWindows.add({ ...window, rule: inForce(rule), changed: false })
  detector.useRules(rules)
  detector.resumeAt(head.watermarkMs ?? Number.NEGATIVE_INFINITY, head.keptFromPane ?? Number.NEGATIVE_INFINITY)
  Object.assign(detector.counts, head.counts)
  return detector
}
