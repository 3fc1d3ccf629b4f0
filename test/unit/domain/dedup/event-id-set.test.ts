import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SeededRandom } from '../../../../cli/simulate/seeded-random.js'
import { EventIdBits, eventIdText } from '../../../../domain/dedup/event-id.js'
import { COLLISION, DUPLICATE, EventIdSet, NEW, type Seen } from '../../../../domain/dedup/event-id-set.js'
import { SessionBits } from '../../../../domain/dedup/stable-hash.js'
import { propertyRuns } from '../property-runs.js'

const START_MS = 1_790_000_000_000

const uuid = (n: number): string => `01990000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const idOf = (n: number): string => (n % 4 === 3 ? `text ${n}` : uuid(n))

const WORDS = 8

function see(
  set: EventIdSet,
  session: string,
  id: string,
  contents: number,
  eventMs: number,
  watermarkMs: number,
): Seen {
  const bits = new EventIdBits()
  if (!bits.read(id)) return set.addText(id, session, contents, eventMs, watermarkMs)
  const sessionBits = new SessionBits()
  sessionBits.read(session)
  return set.add(bits, sessionBits, contents, eventMs, watermarkMs)
}

const add = (set: EventIdSet, id: string, eventMs: number, watermarkMs: number): boolean =>
  see(set, 'one', id, 7, eventMs, watermarkMs) === NEW

const ONE = new SessionBits()
ONE.read('one')

type Taken = ReturnType<EventIdSet['takeAll']>

/** What was handed over of session `one`, readable: id and event time. */
function readable({ bits, texts }: Taken): [string, number][] {
  const times = new Float64Array(bits.slice().buffer)
  const ids = Array.from({ length: bits.length / WORDS }, (_, i): [string, number] => {
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = bits.subarray(i * WORDS)
    return [eventIdText(w0 ^ ONE.s0, w1, w2, w3), times[i * (WORDS / 2) + 3] ?? 0]
  })
  const ofTexts = texts.map(([key, eventMs]): [string, number] => [key.replace('one\0', ''), eventMs])
  return [...ids, ...ofTexts].sort(([a], [b]) => (a < b ? -1 : 1))
}

const anyMove = fc.record({
  id: fc.nat({ max: 30 }),
  afterMs: fc.nat({ max: 40 }),
  advanceMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 60 }) }),
  take: fc.oneof(
    { weight: 12, arbitrary: fc.constant('nothing') },
    { weight: 1, arbitrary: fc.constantFrom('added', 'all', 'restart') },
  ),
})

describe('EventIdSet', () => {
  it('knows an id exactly until the watermark has passed it, in pieces and over restarts too', function () {
    this.timeout(20_000 + propertyRuns * 50)
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 200, size: 'max' }), (moves) => {
        let set = new EventIdSet()
        let pieces: Taken[] = []
        let watermarkMs = START_MS
        const model = new Map<string, number>()
        const added = new Map<string, number>()
        const liveOf = (ids: Map<string, number>) =>
          [...ids].filter(([, eventMs]) => eventMs >= watermarkMs).sort(([a], [b]) => (a < b ? -1 : 1))
        for (const { id, afterMs, advanceMs, take } of moves) {
          const eventMs = watermarkMs + afterMs
          const isNew = (model.get(idOf(id)) ?? 0) < watermarkMs
          assert.equal(add(set, idOf(id), eventMs, watermarkMs), isNew)
          if (isNew) {
            model.set(idOf(id), eventMs)
            added.set(idOf(id), eventMs)
          }
          watermarkMs += advanceMs
          if (take === 'nothing') continue
          const { bits, texts } = take === 'all' ? set.takeAll(watermarkMs) : set.takeAdded(watermarkMs)
          const taken = { bits: bits.slice(), texts } // as it is after a stay in the database
          assert.deepEqual(new Map(readable(taken)), new Map(liveOf(take === 'all' ? model : added)))
          added.clear()
          pieces = take === 'all' ? [taken] : [...pieces, taken]
          if (take === 'restart') {
            set = new EventIdSet()
            for (const piece of pieces) set.restore(piece.bits, piece.texts, watermarkMs)
          }
        }
        assert.deepEqual(readable(set.takeAll(watermarkMs)), liveOf(model))
      }),
      { numRuns: propertyRuns },
    )
  })

  it('keeps every one of many ids while it grows', () => {
    const set = new EventIdSet()
    for (let i = 0; i < 20_000; i++) assert.ok(add(set, uuid(i), START_MS + i, START_MS))
    for (let i = 0; i < 20_000; i++) assert.equal(add(set, uuid(i), START_MS + i, START_MS), false)
    assert.equal(set.size, 20_000)
    assert.equal(set.takeAll(START_MS).bits.length, 20_000 * WORDS)
  })

  it('knows what is live, and nothing else, while it is swept again and again', () => {
    const set = new EventIdSet()
    const model = new Map<string, number>()
    const random = new SeededRandom(11)
    for (let i = 0; i < 60_000; i++) {
      const watermarkMs = START_MS + i - 3_000
      const id = uuid(random.whole(Math.max(0, i - 4_000), i))
      const isNew = (model.get(id) ?? 0) < watermarkMs
      assert.equal(add(set, id, START_MS + i - random.whole(0, 2_000), watermarkMs), isNew, `${id} at ${i}`)
      if (isNew) model.set(id, readable(set.takeAdded(0))[0]?.[1] ?? 0)
    }
    assert.ok(set.bytes < 800_000, `${set.bytes} bytes`)
  })

  it('stays as large as what is live, and shrinks when that does', () => {
    const set = new EventIdSet()
    let mostBytes = 0
    for (let i = 0; i < 200_000; i++) {
      add(set, idOf(i), START_MS + i, START_MS + i - 1_000)
      if (i % 1_000 === 0) set.takeAdded(START_MS + i - 1_000)
      mostBytes = Math.max(mostBytes, set.bytes)
    }
    assert.ok(mostBytes < 800_000, `${mostBytes} bytes`)
    assert.ok(set.size < 6_000, `${set.size} entries`)
    set.takeAll(START_MS + 300_000)
    assert.equal(set.size, 0)
  })

  it('stays as large as what is live when nobody takes pieces', () => {
    const set = new EventIdSet()
    for (let i = 0; i < 200_000; i++) add(set, idOf(i), START_MS + i, START_MS + i - 1_000)
    assert.ok(set.bytes < 800_000, `${set.bytes} bytes`)
    assert.deepEqual(
      new Map(readable(set.takeAdded(START_MS + 199_000))),
      new Map(Array.from({ length: 1_000 }, (_, i): [string, number] => [idOf(199_000 + i), START_MS + 199_000 + i])),
    )
  })

  it('tells ids apart that differ in one bit', () => {
    const set = new EventIdSet()
    const bits = new EventIdBits()
    bits.read(uuid(0))
    assert.equal(set.add(bits, ONE, 0, START_MS, START_MS), NEW)
    for (const word of ['w0', 'w1', 'w2', 'w3'] as const)
      for (let bit = 0; bit < 32; bit++) {
        bits.read(uuid(0))
        bits[word] ^= 1 << bit
        assert.equal(set.add(bits, ONE, 0, START_MS, START_MS), NEW, `${word} bit ${bit}`)
      }
    assert.equal(set.size, 129)
  })

  it('takes one id in many sessions for as many events, also when ids and sessions are alike', () => {
    const set = new EventIdSet()
    for (const id of [uuid(1), 'text 1'])
      for (let i = 0; i < 20_000; i++) assert.equal(see(set, `s-${i}`, id, 1, START_MS, START_MS), NEW, `${id} ${i}`)
    for (const id of [uuid(1), 'text 1'])
      for (let i = 0; i < 20_000; i++) assert.equal(see(set, `s-${i}`, id, 1, START_MS, START_MS), DUPLICATE)
  })

  it('tells a repeat from other contents under the same session and id, after a restart too', () => {
    let set = new EventIdSet()
    for (const again of [false, true]) {
      for (const id of [uuid(1), 'text 1']) {
        if (!again) assert.equal(see(set, 's', id, -5, START_MS, START_MS), NEW)
        assert.equal(see(set, 's', id, -5, START_MS + 1, START_MS), DUPLICATE)
        assert.equal(see(set, 's', id, 6, START_MS, START_MS), COLLISION)
        assert.equal(see(set, 's', id, -5, START_MS, START_MS), DUPLICATE, 'the first one counts')
      }
      const { bits, texts } = set.takeAll(START_MS)
      set = new EventIdSet()
      set.restore(bits.slice(), texts, START_MS)
    }
  })

  it('knows ids of state without sessions in every session, until the watermark has passed them', () => {
    let set = new EventIdSet()
    const id = new EventIdBits()
    id.read(uuid(1))
    const entry = new Int32Array(6)
    entry.set([id.w0, id.w1, id.w2, id.w3])
    new Float64Array(entry.buffer)[2] = START_MS
    set.restoreSessionless(entry, [['text 1', START_MS]], START_MS - 1)
    for (const restart of [false, true]) {
      for (const session of ['a', 'b'])
        for (const known of [uuid(1), 'text 1'])
          assert.equal(see(set, session, known, 1, START_MS, START_MS - 1), DUPLICATE, `${session} ${known}`)
      assert.equal(see(set, 'a', uuid(restart ? 3 : 2), 1, START_MS, START_MS - 1), NEW)
      const { bits, texts } = set.takeAll(START_MS - 1)
      set = new EventIdSet()
      set.restore(bits.slice(), texts, START_MS - 1)
    }
    for (const known of [uuid(1), 'text 1']) assert.equal(see(set, 'a', known, 1, START_MS + 9, START_MS + 1), NEW)
  })
})
