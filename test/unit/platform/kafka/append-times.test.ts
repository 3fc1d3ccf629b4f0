import assert from 'node:assert/strict'
import fc from 'fast-check'
import { findAppendAges } from '../../../../platform/kafka/append-times.js'

const NOW_MS = 1_790_000_000_000
const OLDEST_AGE_MS = 366 * 86_400_000

/** Logs that were appended so many ms before now, oldest first. */
const anyLogs = fc.array(
  fc.array(fc.integer({ min: 0, max: 30 * 86_400_000 }), { minLength: 1, maxLength: 40 }).map((ages) => ({
    ages: ages.sort((a, b) => b - a),
  })),
  { minLength: 1, maxLength: 6 },
)

/** As Kafka answers: the first offset at an instant or later, the log's end when there is none. */
const kafkaOf =
  (logs: readonly { readonly ages: readonly number[] }[], count: () => void) =>
  (instantMs: number): Promise<Map<number, number>> => {
    count()
    const first = (ages: readonly number[]) => ages.findIndex((age) => NOW_MS - age >= instantMs)
    return Promise.resolve(
      new Map(logs.map(({ ages }, partition) => [partition, first(ages) === -1 ? ages.length : first(ages)])),
    )
  }

describe('how long ago a record was appended', () => {
  it('is found to 2 % or 10 ms, and never too young, with few questions', async () => {
    await fc.assert(
      fc.asyncProperty(anyLogs, fc.nat(), async (logs, pick) => {
        const wanted = new Map(logs.map(({ ages }, partition) => [partition, pick % ages.length]))
        let asked = 0
        const ages = await findAppendAges(
          kafkaOf(logs, () => asked++),
          wanted,
          { nowMs: NOW_MS, oldestAgeMs: OLDEST_AGE_MS, maxQuestions: 100 },
        )
        assert.ok(asked <= 13 * logs.length, `${asked} questions for ${logs.length} partitions`)
        for (const [partition, offset] of wanted) {
          const age = logs[partition]?.ages[offset] ?? 0
          const found = ages.get(partition) ?? 0
          assert.ok(found >= age && found <= Math.max(age * 1.03, age + 12), `${found} for ${age}`)
        }
      }),
    )
  })

  it('stops asking when it may not ask more, and says the oldest that it can be', async () => {
    let asked = 0
    const logs = [{ ages: [5_000] }]
    const ages = await findAppendAges(
      kafkaOf(logs, () => asked++),
      new Map([[0, 0]]),
      { nowMs: NOW_MS, oldestAgeMs: OLDEST_AGE_MS, maxQuestions: 3 },
    )
    assert.equal(asked, 3)
    assert.ok((ages.get(0) ?? 0) >= 5_000)
  })
})
