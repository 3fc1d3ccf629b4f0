import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { AnomalyStream, type StreamRequest } from '../../../../api/live/anomaly-stream.js'
import { ChangeTail, type Change } from '../../../../api/live/change-tail.js'
import { ReviewTail, type Review } from '../../../../api/live/review-tail.js'
import { ProblemError } from '../../../../api/problem-error.js'
import { Registry } from '../../../../platform/metrics.js'

const changeAt = (partition: number, offset: number, data = `{"p":${partition},"o":${offset}}`): Change => ({
  ...{ partition, offset, data, ruleId: offset % 2 === 0 ? 'EVEN' : 'ODD', mode: 'active' },
})

/** An audit log in which every third record is a review; it answers unless it is away. */
function auditLog() {
  const log = { head: 0, isAway: false }
  const review = (seq: number): Review => ({
    ...{ seq, event: 'verdict' as const, data: `{"r":${seq}}`, ruleId: seq % 2 === 0 ? 'EVEN' : 'ODD', mode: 'active' },
  })
  const answer = <T>(value: T) => (log.isAway ? Promise.reject(new Error('away')) : Promise.resolve(value))
  const tail = new ReviewTail(
    {
      head: () => answer(log.head),
      read: (after) => {
        const upTo = Math.min(log.head, after + 10)
        const seqs = Array.from({ length: upTo - after }, (_, n) => after + 1 + n).filter((seq) => seq % 3 === 0)
        return answer({ reviews: seqs.map(review), upTo })
      },
      onError: () => undefined,
    },
    5,
  )
  return { log, tail }
}

/** A feed of two partitions that holds all that was published, followed from where it ended at the start. */
function stage(settings: { maxKept?: number; maxMissed?: number; maxBufferBytes?: number; lows?: number[] } = {}) {
  const { maxKept = 100, maxMissed = 1_000, maxBufferBytes = 1_000_000, lows = [0, 0] } = settings
  const log: Change[][] = [[], []]
  const reads: number[] = []
  let follow: ((changes: readonly Change[]) => void) | undefined
  let fail: ((error: Error) => void) | undefined
  const publish = (partition: number, changes: number, data?: string) => {
    for (let n = 0; n < changes; n += 1) {
      const change = changeAt(partition, log[partition]?.length ?? 0, data)
      log[partition]?.push(change)
      follow?.([change])
    }
  }
  const registry = new Registry()
  const feed = {
    follow: (onChanges: (changes: readonly Change[]) => void, onEnd: (error: Error) => void) => {
      ;[follow, fail] = [onChanges, onEnd]
      return Promise.resolve({ value: { ends: log.map(({ length }) => length) }, stop: () => Promise.resolve() })
    },
  }
  const tail = new ChangeTail(feed, maxKept)
  const { log: audit, tail: reviews } = auditLog()
  const stream = new AnomalyStream({
    tail,
    reviews,
    bounds: () => Promise.resolve(log.map(({ length }, at) => ({ low: lows[at] ?? 0, high: length }))),
    readMissed: async ({ partition, from, to }, onChange) => {
      reads.push(to - from)
      for (const change of (log[partition] ?? []).slice(from, to)) {
        await onChange(change)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    settings: { heartbeatMs: 20, maxBufferBytes, maxMissed },
    registry,
  })
  const open = async (request: Partial<StreamRequest> = {}, out: Writable = new PassThrough()) => {
    const begin = await stream.open({
      lastEventId: undefined,
      filter: {},
      stillMay: () => Promise.resolve(true),
      ...request,
    })
    let text = ''
    out.on('data', (part: Buffer) => (text += part.toString()))
    begin(out)
    return {
      out,
      text: () => text,
      reviews: () => [...text.matchAll(/^event: verdict\ndata: \{"r":(\d+)\}$/gm)].map(([, seq]) => Number(seq)),
      data: () => [...text.matchAll(/^data: (\{"p".*)$/gm)].map(([, data]) => data ?? ''),
      lastId: () => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1],
      settle: () => new Promise((resolve) => setTimeout(resolve, 30)),
    }
  }
  const ended = async () => (await registry.getSingleMetricAsString('guardian_stream_ended_total')).split('\n').at(-1)
  return { publish, open, reads, ended, stream, tail, audit, end: () => fail?.(new Error('gone')) }
}

describe('the live stream of anomalies', () => {
  it('gives every change once, in the order of its partition, with an id to go on from', async () => {
    const { publish, open } = stage()
    publish(0, 5)
    const client = await open()
    publish(1, 3)
    publish(0, 2)
    await client.settle()
    assert.deepEqual(client.data(), [
      '{"p":1,"o":0}',
      '{"p":1,"o":1}',
      '{"p":1,"o":2}',
      '{"p":0,"o":5}',
      '{"p":0,"o":6}',
    ])
    assert.equal(client.lastId(), '7.3-0')
    client.out.destroy()
  })

  for (const [where, maxKept] of [
    ['memory', 1_000],
    ['the log', 0],
  ] as const)
    it(`goes on behind the last id from ${where}, also with what comes meanwhile`, async () => {
      const { publish, open, reads } = stage({ maxKept })
      const first = await open()
      publish(0, 10)
      await first.settle()
      const lastEventId = first.lastId()
      first.out.destroy()
      publish(0, 20)
      publish(1, 20)
      const second = await open({ lastEventId })
      publish(0, 5) // while it is given what it had missed
      await second.settle()
      await second.settle()
      const seen = second.data().sort()
      const expected = [
        ...Array.from({ length: 25 }, (_, n) => `{"p":0,"o":${n + 10}}`),
        ...Array.from({ length: 20 }, (_, n) => `{"p":1,"o":${n}}`),
      ]
      assert.deepEqual(seen, expected.sort())
      assert.equal(second.lastId(), '35.20-0')
      assert.equal(reads.length > 0, maxKept === 0)
      second.out.destroy()
    })

  it('goes on for one who comes from a process that was further', async () => {
    const { publish, open, tail } = stage()
    await tail.begin()
    publish(0, 3)
    const client = await open({ lastEventId: '3.0' })
    publish(0, 1)
    await client.settle()
    assert.deepEqual(client.data(), ['{"p":0,"o":3}'])
    client.out.destroy()
  })

  it('refuses an id from where it cannot go on: forgotten, of another log, too far back, none', async () => {
    const refusedBy = async (lastEventId: string, settings: Parameters<typeof stage>[0] = {}) => {
      const { publish, open, tail } = stage({ maxKept: 0, ...settings })
      publish(0, 50)
      await tail.begin()
      const error = await open({ lastEventId }).catch((caught: unknown) => caught)
      assert.ok(error instanceof ProblemError, `${lastEventId} was taken`)
      return error.code
    }
    assert.equal(await refusedBy('10.0', { lows: [20, 0] }), 'STREAM_POSITION_GONE')
    assert.equal(await refusedBy('51.0'), 'STREAM_POSITION_GONE')
    assert.equal(await refusedBy('50.0.0'), 'STREAM_POSITION_GONE')
    assert.equal(await refusedBy('10.0', { maxMissed: 39 }), 'STREAM_POSITION_GONE')
    assert.equal(await refusedBy('x'), 'BAD_REQUEST')
  })

  it('lets a client go that takes nothing, when more waits for it than may', async () => {
    const { publish, open, ended, tail } = stage({ maxBufferBytes: 4_096 })
    let taken = 0
    const stuck = new Writable({ highWaterMark: 10, write: (chunk: Buffer) => void (taken += chunk.length) })
    await open({}, stuck)
    const other = await open()
    publish(0, 100, `{"p":0,"filler":"${'x'.repeat(100)}"}`)
    await other.settle()
    assert.ok(stuck.destroyed && taken < 4_096)
    assert.equal(await ended(), 'guardian_stream_ended_total{reason="slow"} 1')
    assert.deepEqual([other.data().length, tail.clients], [100, 1])
    other.out.destroy()
  })

  it('shows what fits a filter, and tells with heartbeats how far it is', async () => {
    const { publish, open } = stage()
    const client = await open({ filter: { rule: 'ODD' } })
    publish(0, 5)
    await client.settle()
    assert.deepEqual(client.data(), ['{"p":0,"o":1}', '{"p":0,"o":3}'])
    assert.match(client.text(), /^: heartbeat$/m)
    assert.equal(client.lastId(), '5.0-0')
    client.out.destroy()
  })

  it('gives every review once, those that were missed too, and an id that says both places', async () => {
    const { publish, open, audit } = stage()
    audit.head = 7
    const first = await open()
    audit.head = 9
    publish(0, 2)
    await first.settle()
    assert.deepEqual([first.reviews(), first.data().length, first.lastId()], [[9], 2, '2.0-9'])
    first.out.destroy()
    audit.head = 40 // more than are read at once
    publish(1, 1)
    const second = await open({ lastEventId: '2.0-9' })
    audit.head = 50
    await second.settle()
    const missed = Array.from({ length: 13 }, (_, n) => 12 + 3 * n)
    assert.deepEqual([second.reviews(), second.lastId()], [missed, '2.1-48'])
    second.out.destroy()
    const old = await open({ lastEventId: '2.1' }) // of a release without reviews
    audit.head = 54
    await old.settle()
    assert.deepEqual([old.reviews(), old.lastId()], [[51, 54], '2.1-54'])
    old.out.destroy()
  })

  it('gives no review again to one who comes from a process that was further', async () => {
    const { open, audit } = stage()
    audit.head = 3
    const other = await open()
    audit.head = 6 // which this process has not asked for yet
    const client = await open({ lastEventId: '0.0-6' })
    audit.head = 9
    await client.settle()
    assert.deepEqual([client.reviews(), other.reviews()], [[9], [6, 9]])
    client.out.destroy()
    other.out.destroy()
  })

  it('gives a review to those alone whose filter it fits', async () => {
    const { open, audit } = stage()
    const client = await open({ filter: { rule: 'ODD' } })
    audit.head = 12
    await client.settle()
    assert.deepEqual(client.reviews(), [3, 9])
    client.out.destroy()
  })

  it('loses no review while the database is away, and asks only while somebody listens', async () => {
    const { open, audit, publish } = stage()
    const client = await open()
    ;[audit.isAway, audit.head] = [true, 6]
    publish(0, 1)
    await client.settle()
    assert.deepEqual([client.reviews(), client.data().length], [[], 1])
    audit.isAway = false
    await client.settle()
    assert.deepEqual(client.reviews(), [3, 6])
    client.out.destroy()
    await client.settle()
    audit.head = 9
    const next = await open()
    await next.settle()
    assert.deepEqual([next.reviews(), next.lastId()], [[], '1.0-9'], 'it begins where the log is now')
    next.out.destroy()
  })

  it('refuses a place in the reviews that is not there, or too far back', async () => {
    const { open, audit } = stage({ maxMissed: 10 })
    audit.head = 20
    for (const lastEventId of ['0.0-21', '0.0-9'])
      await assert.rejects(open({ lastEventId }), { code: 'STREAM_POSITION_GONE' }, lastEventId)
    await assert.rejects(open({ lastEventId: '0.0-x' }), { code: 'BAD_REQUEST' })
  })

  it('ends for a caller who may not see it any more, or of whom nobody can tell', async function () {
    this.timeout(10_000)
    for (const stillMay of [() => Promise.resolve(false), () => Promise.reject(new Error('away'))]) {
      const { open, ended, tail } = stage()
      const client = await open({ stillMay })
      await new Promise((resolve) => client.out.once('finish', resolve))
      assert.match(client.text(), /event: end\ndata: \{"reason":"access"\}/)
      assert.equal(await ended(), 'guardian_stream_ended_total{reason="access"} 1')
      assert.equal(tail.clients, 0)
    }
  })

  it('ends for all when the feed ends, and begins anew with the next client', async () => {
    const { publish, open, end, tail } = stage()
    const client = await open()
    end()
    await client.settle()
    assert.match(client.text(), /"reason":"feed"/)
    assert.equal(tail.clients, 0)
    publish(0, 1)
    const next = await open({ lastEventId: client.lastId() })
    await next.settle()
    assert.deepEqual(next.data(), ['{"p":0,"o":0}'])
    next.out.destroy()
  })
})
