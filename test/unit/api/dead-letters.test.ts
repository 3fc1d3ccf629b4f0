import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { LogReader, LogRecord } from '../../../api/log/session-log.js'
import type { DeadLetterState } from '../../../domain/dead-letters/replay.js'
import { createDeadLetterHandlers } from '../../../api/routes/dead-letters.js'
import type { HandlerContext } from '../../../api/routes/router.js'
import type { DeadLetterList } from '../../../schemas/rest/dead-letters.js'

interface Stored {
  readonly appendMs: number
  readonly code: 'DECODE' | 'INVALID'
  readonly bytes?: number
}

/** The dead letters of some partitions, and how many records were read. */
function logOf(partitions: readonly (readonly Stored[])[], lows: readonly number[] = []) {
  const read = { records: 0 }
  const lowOf = (partition: number) => lows[partition] ?? 0
  const eventLog: LogReader = {
    offsets: () =>
      Promise.resolve(partitions.map((all, partition) => ({ partition, low: lowOf(partition), high: all.length }))),
    offsetsAt: (_topic, instantMs) =>
      Promise.resolve(
        new Map(
          partitions.map((all, partition) => {
            const first = all.findIndex(({ appendMs }) => appendMs >= instantMs)
            return [partition, Math.max(lowOf(partition), first === -1 ? all.length : first)]
          }),
        ),
      ),
    read: ({ partition, from, to }, onRecords) => {
      const records = (partitions[partition] ?? [])
        .slice(from, to)
        .map(({ appendMs, code, bytes = 3 }, n): LogRecord => ({
          ...{ key: null, value: Buffer.alloc(bytes, 'x'), offset: String(from + n), timestamp: String(appendMs) },
          headers: { 'guardian.error.code': Buffer.from(code), '__connect.errors.topic': Buffer.from('km.clicks.v1') },
        }))
      read.records += records.length
      for (let at = 0; at < records.length; at += 3) onRecords(records.slice(at, at + 3))
      return Promise.resolve()
    },
  }
  return { eventLog, read }
}

const context = {
  principal: { keyId: 'key_0', name: 'k', user: null, role: 'admin', requestsPerMinute: null },
  requireCaller: () => undefined,
} as Partial<HandlerContext> as HandlerContext

const letterStates = () => Promise.resolve(new Map<string, DeadLetterState>())

type Query = Parameters<ReturnType<typeof createDeadLetterHandlers>['listDeadLetters']>[0]['query']

/** Pages through the letters to the end. @returns each as `partition/offset`, and its time */
async function allPages(log: ReturnType<typeof logOf>, sessionLogRecords: number, query: Query) {
  const readValue = () => Promise.resolve({ fault: 'none' })
  const { listDeadLetters } = createDeadLetterHandlers({
    openLog: () => log.eventLog,
    readValue,
    sessionLogRecords,
    letterStates,
  })
  const letters: { name: string; appendMs: number }[] = []
  const sizes: number[] = []
  let mostRead = 0
  for (let cursor: number[] | undefined, pages = 0; ; pages += 1) {
    assert.ok(pages < 500, 'it does not end')
    const before = log.read.records
    const reply = await listDeadLetters({ params: {}, query: { ...query, cursor }, body: undefined }, context)
    const { data, page } = reply.body as DeadLetterList
    mostRead = Math.max(mostRead, log.read.records - before)
    sizes.push(data.length)
    for (const { kafka_partition, kafka_offset, append_ts } of data)
      letters.push({ name: `${kafka_partition}/${kafka_offset}`, appendMs: Date.parse(append_ts) })
    if (page.next_cursor === null) return { letters, sizes, mostRead }
    cursor = page.next_cursor.split('.').map(Number)
  }
}

const partition = fc
  .array(fc.record({ gapMs: fc.nat(5), code: fc.constantFrom('DECODE' as const, 'INVALID' as const) }), {
    maxLength: 40,
  })
  .map((steps) => {
    let appendMs = 0
    return steps.map(({ gapMs, code }) => ({ appendMs: (appendMs += gapMs), code }))
  })

describe('dead letters, page by page', () => {
  it('are all given once, newest first, whatever the filter, and each request reads a bounded part', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(partition, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 30 }),
        fc.record({ code: fc.constant('DECODE' as const), fromMs: fc.nat(60), toMs: fc.nat(90) }, { requiredKeys: [] }),
        fc.array(fc.nat(10), { maxLength: 4 }),
        async (partitions, limit, bound, { code, fromMs, toMs }, given) => {
          const lows = partitions.map((all, n) => Math.min(all.length, given[n] ?? 0))
          const from = fromMs === undefined ? undefined : new Date(fromMs)
          const to = toMs === undefined ? undefined : new Date(toMs)
          const found = await allPages(logOf(partitions, lows), bound, { limit, code, from, to })
          const wanted = partitions.flatMap((all, n) =>
            all.flatMap((one, offset) =>
              offset >= (lows[n] ?? 0) &&
              (code === undefined || one.code === code) &&
              one.appendMs >= (fromMs ?? 0) &&
              one.appendMs < (toMs ?? Infinity)
                ? [`${n}/${offset}`]
                : [],
            ),
          )
          assert.deepEqual(found.letters.map(({ name }) => name).sort(), wanted.sort())
          const times = found.letters.map(({ appendMs }) => appendMs)
          assert.deepEqual(
            times,
            times.toSorted((a, b) => b - a),
          )
          assert.ok(found.mostRead < bound + partitions.length)
          assert.ok(found.sizes.every((size) => size <= limit))
        },
      ),
      { numRuns: 300 },
    ))

  it('end a page at a bound of bytes, and lose nothing by it', async () => {
    const large = Array.from({ length: 40 }, (_, n) => ({ appendMs: n, code: 'DECODE' as const, bytes: 65_536 }))
    const { letters, sizes } = await allPages(logOf([large]), 1_000, { limit: 100 })
    assert.deepEqual(
      letters.map(({ name }) => name),
      large.map((_, n) => `0/${39 - n}`),
    )
    assert.deepEqual(sizes, [16, 16, 8])
  })

  it('end it over all partitions, and none before what one of them had to leave out', async () => {
    const of = (firstMs: number, stepMs: number, bytes: number) =>
      Array.from({ length: 40 }, (_, n) => ({ appendMs: firstMs + n * stepMs, code: 'DECODE' as const, bytes }))
    for (const log of [
      [of(60, 2, 65_000), of(61, 2, 65_000), of(60, 1, 3), of(0, 1, 3)],
      [of(60, 1, 65_000), of(0, 1, 3)],
    ]) {
      const { letters, sizes } = await allPages(logOf(log), 1_000, { limit: 100 })
      const times = letters.map(({ appendMs }) => appendMs)
      assert.equal(new Set(letters.map(({ name }) => name)).size, 40 * log.length)
      assert.deepEqual(
        times,
        times.toSorted((a, b) => b - a),
      )
      assert.equal(sizes[0], 16)
    }
  })

  it('go on where they were while others come and the oldest are forgotten', async () => {
    const log = [0, 1, 2, 3, 4, 5].map((appendMs) => ({ appendMs, code: 'DECODE' as const }))
    const readValue = () => Promise.resolve({ fault: 'none' })
    const ask = async (of: ReturnType<typeof logOf>, cursor?: number[]) => {
      const deps = { openLog: () => of.eventLog, readValue, sessionLogRecords: 100, letterStates }
      const query = { limit: 2, cursor }
      const reply = await createDeadLetterHandlers(deps).listDeadLetters(
        { params: {}, query, body: undefined },
        context,
      )
      const { data, page } = reply.body as DeadLetterList
      return { offsets: data.map(({ kafka_offset }) => kafka_offset), next: page.next_cursor?.split('.').map(Number) }
    }
    const first = await ask(logOf([log]))
    const grown = [...log, { appendMs: 6, code: 'DECODE' as const }]
    const second = await ask(logOf([grown, [{ appendMs: 9, code: 'DECODE' }]], [3]), first.next)
    assert.deepEqual([first.offsets, second.offsets, second.next], [[5, 4], [3], undefined])
  })
})
