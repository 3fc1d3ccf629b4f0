import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PartitionDetector } from '../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../domain/detection/rule-kinds.js'
import { takeHead } from '../../../domain/detection/snapshot/head.js'
import { takePiece } from '../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../domain/detection/snapshot/restore.js'
import { BruteForce } from '../../unit/domain/detection/brute-force.js'
import { anyPlan, asInForce, type Plan } from '../../unit/domain/detection/random-log.js'
import { byIdentity } from '../../unit/domain/detection/row-order.js'
import type { Row } from '../row.js'

/** Where state is stored and restored, as record numbers; more than a log has are taken modulo its length. */
const anyCuts = fc.array(fc.nat({ max: 400 }), { minLength: 1, maxLength: 12 })

/** A detector as it is after its state was in the database. */
function throughDatabase(detector: PartitionDetector, { policy }: Plan): PartitionDetector {
  const { bytes } = takePiece(detector, true)
  return restoreDetector(takeHead(detector), [bytes.slice()], policy, RULE_KINDS)
}

/** Decides a log with restarts on the way, and compares every step with a computation from scratch. */
function compare(plan: Plan, cuts: readonly number[]): { readonly restores: number; readonly anomalies: number } {
  const restoreAt = new Set(cuts.map((cut) => cut % plan.log.length))
  const oracle = new BruteForce(plan.policy, plan.rules)
  let detector = new PartitionDetector(plan.policy, plan.rules.map(asInForce))
  let anomalies = 0
  for (const [at, record] of plan.log.entries()) {
    if (restoreAt.has(at)) {
      assert.deepEqual(byIdentity(detector.takeUpdates()), byIdentity(oracle.updates()), `updates before record ${at}`)
      detector = throughDatabase(detector, plan)
    }
    const expected = oracle.process(record)
    const fate = detector.process(record.event, record.offset, record.appendMs)
    assert.equal(fate, expected.fate, `fate of record ${at}`)
    const changes = detector.takeChanges()
    assert.deepEqual(byIdentity([...changes]), byIdentity(expected.changes), `rows of record ${at}`)
    anomalies += changes.length
  }
  assert.deepEqual(detector.counts, oracle.counts)
  assert.ok(Object.values(detector.counts).every((count) => count >= 0))
  return { restores: restoreAt.size, anomalies }
}

export const row: Row = {
  id: 'A15',
  fault:
    'disorder, repeats, bad clocks and malformed events at random, with state stored and restored at random records',
  invariant: 'the core gives what a computation from scratch gives, at every record',
  quick: true,
  run: ({ quick, seed, say }) => {
    const cases = quick ? 500 : 10_000
    const total = { logs: 0, records: 0, restores: 0, changes: 0 }
    const details = fc.check(
      fc.property(anyPlan, anyCuts, (plan, cuts) => {
        const { restores, anomalies } = compare(plan, cuts)
        total.logs++
        total.records += plan.log.length
        total.restores += restores
        total.changes += anomalies
        if (total.logs % 2_500 === 0) say(`${total.logs} logs`)
      }),
      { numRuns: cases, seed },
    )
    const said = details.failed ? fc.defaultReportMessage(details) : undefined
    return Promise.resolve({
      held: !details.failed && total.changes > 0,
      figure: `${details.failed ? details.numRuns - 1 : details.numRuns}/${cases} random logs, ${total.restores} restores, ${total.changes} changes of anomalies compared`,
      configuration: { records: total.records },
      ...(said === undefined ? {} : { differences: said.split('\n') }),
    })
  },
}
