import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Anomaly } from '../../../../../domain/detection/anomaly.js'
import type { Fate } from '../../../../../domain/detection/fate.js'
import { PartitionDetector } from '../../../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../../../domain/detection/rule-kinds.js'
import { takeHead } from '../../../../../domain/detection/snapshot/head.js'
import { type Piece, takePiece } from '../../../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../../../domain/detection/snapshot/restore.js'
import type { PaneStore } from '../../../../../domain/windowing/pane-store.js'
import { propertyRuns, propertyTimeoutMs } from '../../property-runs.js'
import { paneIn } from '../../windowing/pane-in.js'
import type { OraclePolicy } from '../brute-force.js'
import { anyPlan, anyRules, asInForce, type Plan } from '../random-log.js'
import { byIdentity } from '../row-order.js'

interface Checkpoint {
  /** The first record that it does not hold. */
  readonly next: number
  readonly head: string
  readonly pieces: readonly Piece[]
}

interface Decided {
  readonly fate: Fate
  readonly rows: readonly Anomaly[]
}

const decide = (detector: PartitionDetector, { log }: Plan, at: number): Decided => {
  const record = log[at]
  if (!record) throw new Error(`no record ${at}`)
  const fate = detector.process(record.event, record.offset, record.appendMs)
  return { fate, rows: detector.takeChanges() }
}

/** What a detector is asked to do between two records. */
type Break = 'delta' | 'full' | 'crash' | 'new rules'

const anyBreaks = fc.array(
  fc.tuple(fc.nat({ max: 250 }), fc.constantFrom<Break>('delta', 'delta', 'full', 'crash', 'new rules')),
  { minLength: 1, maxLength: 14 },
)

const livePanes = (store: PaneStore): unknown[] =>
  store
    .takeChanged(true)
    .map((slot) => paneIn(store, slot))
    .map((pane) => ({ ...pane, values: [...pane.values].sort() }))
    .sort((a, b) => (`${a.key} ${a.pane}` < `${b.key} ${b.pane}` ? -1 : 1))

const liveIds = ({ ids, watermarkMs }: PartitionDetector): unknown => {
  const { bits, texts } = ids.takeAll(watermarkMs)
  const entries = Array.from({ length: bits.length / 8 }, (_, i) => bits.subarray(i * 8, i * 8 + 8).join(' '))
  return { bits: entries.sort(), texts: texts.map((entry) => entry.join(' ')).sort() }
}

const restored = ({ head, pieces }: Checkpoint, policy: OraclePolicy): PartitionDetector => {
  const { watermarkMs } = JSON.parse(head) as { watermarkMs: number | null }
  const needed = pieces.filter(({ expiresAtMs }) => watermarkMs === null || expiresAtMs > watermarkMs)
  return restoreDetector(
    head,
    needed.map(({ bytes }) => bytes),
    policy,
    RULE_KINDS,
  )
}

describe('restoreDetector', () => {
  it('goes on as the detector would have, from any checkpoint, however often', function () {
    this.timeout(propertyTimeoutMs)
    let crashes = 0
    fc.assert(
      fc.property(
        anyPlan,
        anyBreaks,
        fc.array(fc.oneof({ weight: 4, arbitrary: anyRules }, { weight: 1, arbitrary: fc.constant([]) }), {
          maxLength: 3,
        }),
        fc.boolean(),
        (plan, breaks, otherRules, fullOnNewRules) => {
          const breakAt = new Map(breaks)
          const uninterrupted = new PartitionDetector(plan.policy, plan.rules.map(asInForce))
          let detector = new PartitionDetector(plan.policy, plan.rules.map(asInForce))
          const decided: Decided[] = []
          let checkpoint: Checkpoint | undefined
          let ruleChanges = 0

          const save = (next: number, full: boolean): void => {
            assert.deepEqual(byIdentity(detector.takeUpdates()), byIdentity(uninterrupted.takeUpdates()))
            const piece = takePiece(detector, full)
            const bytes = piece.bytes.slice() // as it is after a stay in the database
            const earlier = full ? [] : (checkpoint?.pieces ?? [])
            checkpoint = { next, head: takeHead(detector), pieces: [...earlier, { ...piece, bytes }] }
          }

          for (let next = 0; next < plan.log.length; next++) {
            const event = breakAt.get(next)
            if (event === 'delta' || event === 'full') save(next, event === 'full')
            const rules = otherRules[ruleChanges]
            if (event === 'new rules' && rules) {
              ruleChanges++
              for (const each of [uninterrupted, detector]) each.useRules(rules.map(asInForce))
              save(next, fullOnNewRules)
            }
            if (event === 'crash' && checkpoint) {
              crashes++
              detector = restored(checkpoint, plan.policy)
              for (let again = checkpoint.next; again < next; again++)
                assert.deepEqual(decide(detector, plan, again), decided[again], `record ${again}, decided again`)
            }
            decided[next] = decide(uninterrupted, plan, next)
            assert.deepEqual(decide(detector, plan, next), decided[next], `record ${next}`)
          }
          assert.deepEqual(detector.counts, uninterrupted.counts)
          assert.equal(detector.watermarkMs, uninterrupted.watermarkMs)
          assert.equal(detector.longestPanes, uninterrupted.longestPanes)
          assert.equal(detector.panes.keyCount, uninterrupted.panes.keyCount)
          assert.equal(detector.panes.strings.size, uninterrupted.panes.strings.size, 'texts held')
          assert.deepEqual(livePanes(detector.panes), livePanes(uninterrupted.panes))
          assert.deepEqual(liveIds(detector), liveIds(uninterrupted))
        },
      ),
      { numRuns: propertyRuns },
    )
    assert.ok(crashes > 0, 'no case had a crash after a checkpoint')
  })

  it('gives the same detector at every cut of one log', function () {
    this.timeout(propertyTimeoutMs)
    fc.assert(
      fc.property(anyPlan, fc.boolean(), (plan, full) => {
        const start = () => new PartitionDetector(plan.policy, plan.rules.map(asInForce))
        const detector = start()
        const all = plan.log.map((_, at) => decide(detector, plan, at))
        const saving = start()
        const pieces: Piece[] = []
        const step = Math.max(1, Math.floor(plan.log.length / 12))
        for (let cut = 0; cut < plan.log.length; cut++) {
          if (cut % step === 0) {
            if (full) pieces.length = 0
            pieces.push({ ...takePiece(saving, full) })
            const copies = pieces.map((piece) => ({ ...piece, bytes: piece.bytes.slice() }))
            const again = restored({ next: cut, head: takeHead(saving), pieces: copies }, plan.policy)
            for (let at = cut; at < plan.log.length; at++) assert.deepEqual(decide(again, plan, at), all[at])
            assert.deepEqual(again.counts, detector.counts)
          }
          assert.deepEqual(decide(saving, plan, cut), all[cut])
        }
      }),
      { numRuns: Math.ceil(propertyRuns / 3) },
    )
  })

  it('restores a detector that has seen nothing', () => {
    const policy = { allowedLatenessMs: 0, maxFutureSkewMs: 0 }
    const empty = new PartitionDetector(policy, [])
    const again = restoreDetector(takeHead(empty), [takePiece(empty, true).bytes], policy, RULE_KINDS)
    assert.equal(again.watermarkMs, Number.NEGATIVE_INFINITY)
    assert.equal(again.panes.paneCount, 0)
    assert.equal(again.ids.size, 0)
  })
})
