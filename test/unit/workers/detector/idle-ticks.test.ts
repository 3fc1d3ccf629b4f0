import assert from 'node:assert/strict'
import { pino } from 'pino'
import { tickTimeOf } from '../../../../domain/detection/tick.js'
import type { OutgoingRecord } from '../../../../platform/kafka/producer.js'
import { lookForIdle, type IdleOwner, type IdleTicksDeps } from '../../../../workers/detector/idle-ticks.js'

const T0 = 1_790_000_000_000
const LATENESS = 30_000

const owner = (of: Partial<IdleOwner> = {}, nextEndMs = T0 + 10_000): IdleOwner => ({
  topic: 'clicks',
  partition: 0,
  nextOffset: 100,
  isLost: false,
  lastAcceptedAtMs: 0,
  eventHighMs: T0,
  detector: { nextEndMs, allowedLatenessMs: LATENESS },
  ...of,
})

async function look(owners: readonly IdleOwner[], nowMs: number, of: Partial<IdleTicksDeps> = {}) {
  const sent: OutgoingRecord[] = []
  let asked = 0
  await lookForIdle({
    everyMs: 1_000,
    owners: () => owners,
    unowned: () => [],
    adopt: () => Promise.resolve(),
    positions: () => Promise.resolve(new Map()),
    offsets: () => {
      asked++
      return Promise.resolve([0, 1].map((partition) => ({ partition, low: 0, high: 100 })))
    },
    send: (records) => {
      sent.push(...records)
      return Promise.resolve()
    },
    onTick: () => undefined,
    log: pino({ level: 'silent' }),
    nowMs: () => nowMs,
    ...of,
  })
  return {
    asked,
    ticks: sent.map(({ partition, key, value, headers }) => {
      assert.deepEqual([key, headers], [null, { 'guardian.record': 'tick' }])
      return [partition, (tickTimeOf(value ?? Buffer.alloc(0)) ?? 0) - T0]
    }),
  }
}

describe('lookForIdle', () => {
  it('writes a tick of the event time that has passed, once that closes a window', async () => {
    assert.deepEqual(await look([owner()], 39_999), { asked: 0, ticks: [] })
    assert.deepEqual((await look([owner()], 40_000)).ticks, [[0, 40_000]])
    const old = owner({
      eventHighMs: T0 - 864e5,
      detector: { nextEndMs: T0 - 864e5 + 10_000, allowedLatenessMs: LATENESS },
    })
    assert.deepEqual((await look([old], 40_000)).ticks, [[0, 40_000 - 864e5]], 'not the time of now')
  })

  it('writes none where no window is open: an idle log does not grow', async () => {
    assert.deepEqual(await look([owner({}, Number.POSITIVE_INFINITY)], 1e9), { asked: 0, ticks: [] })
    const empty = owner({ eventHighMs: Number.NEGATIVE_INFINITY }, Number.POSITIVE_INFINITY)
    assert.deepEqual((await look([empty], 1e9)).ticks, [])
  })

  it('writes none to a partition that is behind, was lost, or has got an event meanwhile', async () => {
    assert.deepEqual((await look([owner({ nextOffset: 99 })], 1e6)).ticks, [])
    assert.deepEqual((await look([owner({ isLost: true })], 1e6)).ticks, [])
    const changing = { ...owner(), nextOffset: 100 }
    const offsets = () => {
      changing.lastAcceptedAtMs = 999_999
      return Promise.resolve([{ partition: 0, low: 0, high: 100 }])
    }
    assert.deepEqual((await look([changing], 1e6, { offsets })).ticks, [])
    const both = [owner({ nextOffset: 3 }), owner({ partition: 1 })]
    assert.deepEqual((await look(both, 1e6)).ticks, [[1, 1e6]])
  })

  it('takes a partition that nothing has come from, if its checkpoint is at the end of the log', async () => {
    const taken: number[] = []
    const names = [0, 1, 2].map((partition) => ({ topic: 'clicks', partition }))
    await look([], 0, {
      unowned: () => names,
      adopt: ({ partition }) => Promise.resolve(void taken.push(partition)),
      positions: () =>
        Promise.resolve(
          new Map([
            ['clicks/0', 100],
            ['clicks/1', 99],
          ]),
        ),
    })
    assert.deepEqual(taken, [0])
  })
})
