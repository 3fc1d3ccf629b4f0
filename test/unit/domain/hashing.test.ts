import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PartitionDetector } from '../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../domain/detection/rule-kinds.js'
import { takeHead } from '../../../domain/detection/snapshot/head.js'
import { takePiece } from '../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../domain/detection/snapshot/restore.js'
import { beginHash, finishHash, mixHash, seedHashes } from '../../../domain/hashing.js'
import { anyPlan, asInForce, type Plan } from './detection/random-log.js'
import { propertyRuns, propertyTimeoutMs } from './property-runs.js'

const hashOf = (...words: number[]): number =>
  finishHash(words.reduce((hash, word) => mixHash(hash, word), beginHash(words.length)))

const fatesAndRows = (detector: PartitionDetector, log: Plan['log']): unknown[] =>
  log.map(({ event, offset, appendMs }) => [detector.process(event, offset, appendMs), detector.takeChanges()])

describe('hashes', () => {
  it('are others in each process', () => {
    const hashes = Array.from({ length: 1_000 }, (_, seed) => {
      seedHashes(seed * 7_919)
      return hashOf(1, 2, 3)
    })
    assert.ok(new Set(hashes).size > 990)
  })

  it('do not collide for words that were chosen to collide whatever the seed is', () => {
    // In a sum of products, or in a chain of one product a word, two changes of a highest bit make up for each other.
    const pairs = [
      [
        [0, 0],
        [-(2 ** 31), 1 << 12],
      ],
      [
        [0, 0],
        [-(2 ** 31), -(2 ** 31)],
      ],
      [
        [0, 0, 0, 0],
        [Math.imul(5, 0xcc9e2d51), 5, 0, 0],
      ],
    ] as const
    for (const [a, b] of pairs) {
      let collisions = 0
      for (let seed = 0; seed < 10_000; seed++) {
        seedHashes(Math.imul(seed, 0x9e3779b1))
        if (hashOf(...a) === hashOf(...b)) collisions++
      }
      assert.ok(collisions < 10, `${collisions} of 10,000 seeds`)
    }
  })

  it('decide nothing: another process, with another seed, goes on as the first would have', function () {
    this.timeout(propertyTimeoutMs)
    fc.assert(
      fc.property(
        anyPlan,
        fc.nat({ max: 250 }),
        fc.integer(),
        fc.integer(),
        ({ log, policy, rules }, at, one, other) => {
          const [before, after] = [log.slice(0, at), log.slice(at)]
          seedHashes(one)
          const whole = new PartitionDetector(policy, rules.map(asInForce))
          fatesAndRows(whole, before)
          const [head, piece] = [takeHead(whole), takePiece(whole, true)]
          const expected = fatesAndRows(whole, after)
          seedHashes(other)
          const restored = restoreDetector(head, [piece.bytes], policy, RULE_KINDS)
          assert.deepEqual(fatesAndRows(restored, after), expected)
        },
      ),
      { numRuns: Math.ceil(propertyRuns / 4) },
    )
  })
})
