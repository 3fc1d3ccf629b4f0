import assert from 'node:assert/strict'
import { TextSlice } from '../../../../domain/text.js'
import { keyPartition } from '../../../../platform/kafka/key-partition.js'
import { Misplacement } from '../../../../workers/detector/misplacement.js'

const sessions = Array.from({ length: 200 }, (_, i) => `session-${i}-é`.slice(0, 9 + (i % 4)))
const slices = (text: string): TextSlice[] => {
  const bytes = Buffer.from(`..${text}...`)
  return [new TextSlice().setString(text), new TextSlice().set(bytes, 2, bytes.length - 3)]
}

describe('Misplacement', () => {
  it("agrees with the producers' partitioner, whether a text lies in a record's bytes or not", () => {
    for (const session of sessions)
      for (const slice of slices(session))
        for (let partition = 0; partition < 7; partition++)
          assert.equal(
            new Misplacement(partition, [{ partitions: 7, fromOffset: 0 }]).isMisplaced(slice, 5),
            keyPartition(session, 7) !== partition,
          )
  })

  it('judges a record by the number of partitions that there were: both, while an expansion was not noticed yet', () => {
    const placement = new Misplacement(1, [{ partitions: 3, fromOffset: 0 }])
    placement.expand(5, 100)
    placement.expand(5, 150)
    assert.deepEqual(placement.counts, [
      { partitions: 3, fromOffset: 0 },
      { partitions: 5, fromOffset: 100 },
    ])
    for (const session of sessions) {
      const [slice = new TextSlice()] = slices(session)
      const fits = (...counts: number[]) => counts.some((count) => keyPartition(session, count) === 1)
      assert.equal(placement.isMisplaced(slice, 99), !fits(3, 5))
      assert.equal(placement.isMisplaced(slice, 100), !fits(5))
    }
  })

  it('counts by source, of a bounded number, and remembers sessions', () => {
    const placement = new Misplacement(0, [{ partitions: 2, fromOffset: 0 }])
    const event = (source: string | undefined, session: string, event_ts: number) => ({
      source,
      session_id: new TextSlice().setString(session),
      event_ts,
    })
    placement.count({ isMisplaced: true, isKeyless: false }, event('web', 's', 20))
    placement.count({ isMisplaced: true, isKeyless: true }, event('web', 's', 10))
    placement.count({ isMisplaced: false, isKeyless: true }, event(undefined, 't', 1))
    assert.deepEqual(placement.take(), {
      sources: [
        { source: 'web', misplaced: 2, keyless: 1 },
        { source: 'unknown', misplaced: 0, keyless: 1 },
      ],
      sessions: [{ sessionId: 's', records: 2, firstEventMs: 10, lastEventMs: 20 }],
    })
    assert.deepEqual(placement.take(), { sources: [], sessions: [] })
    for (let i = 0; i < 3_000; i++) placement.count({ isMisplaced: true, isKeyless: false }, event(`p${i}`, `s${i}`, i))
    const { sources, sessions: remembered } = placement.take()
    assert.equal(sources.length, 51)
    assert.equal(
      sources.reduce((sum, { misplaced }) => sum + misplaced, 0),
      3_000,
    )
    assert.equal(remembered.length, 1_000)
  })
})
