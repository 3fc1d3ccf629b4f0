import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import type { EventSender } from '../../../../cli/event-sender.js'
import { readLogs, type LogEnd, type MergeHooks } from '../../../../cli/ingest/log-merge.js'
import { LogReading } from '../../../../cli/ingest/log-reading.js'
import { openLog } from '../../../../cli/ingest/log-source.js'
import { ClickOutbox } from '../../../../cli/ingest/send-log.js'
import type { Click } from '../../../../domain/events.js'
import { readingOptions } from '../../../support/reading-options.js'

const line = (second: number, path = '/'): string =>
  `192.0.2.1 - - [01/Mar/2025:10:00:${String(second).padStart(2, '0')} +0000] "GET ${path} HTTP/1.1" 200 5 "-" "a"\n`

/** A sender whose records are the clicks' paths, which it acknowledges when it is told to. */
function fakeSender(acknowledge: () => Promise<void> = () => Promise.resolve()) {
  const sent: string[] = []
  let underWay = 0
  let mostUnderWay = 0
  const sender: EventSender = {
    isLogEmpty: false,
    encodeClick: (click: Click) => Buffer.from(click.page),
    encodePurchase: () => Buffer.alloc(0),
    place: (topic, key, value, eventMs) => ({ topic, key, value, partition: 0, eventMs }),
    send: async (records) => {
      mostUnderWay = Math.max(mostUnderWay, ++underWay)
      await acknowledge()
      underWay--
      sent.push(...records.map(({ value }) => String(value)))
    },
  }
  return { sender, sent, mostUnderWay: () => mostUnderWay }
}

const quiet = (): void => undefined

interface How {
  readonly sender: EventSender
  readonly signal?: AbortSignal
  readonly isFollowed?: boolean
  readonly onPiece?: () => void
}

/** Reads one log to its end and sends what it gives, as `guardian ingest` does. */
async function send(stdin: PassThrough, { sender, signal, isFollowed, onPiece = quiet }: How): Promise<LogEnd> {
  const outbox = new ClickOutbox(sender)
  const reading = new LogReading(readingOptions({ onClick: (click) => void outbox.add(click) }))
  const log = reading.file({ file: '-', server: 'web', format: 'auto' })
  const flush = async () => {
    reading.flush()
    await outbox.settle()
    onPiece()
  }
  const hooks: MergeHooks = {
    signal: signal ?? new AbortController().signal,
    afterPiece: async (newestMs) => {
      reading.release(newestMs)
      await outbox.sendFull()
      onPiece()
    },
    onIdle: isFollowed === true ? flush : undefined,
  }
  const end = await readLogs([{ source: await openLog('-', stdin), log }], hooks)
  await flush()
  return end
}

describe('reading and sending logs', function () {
  this.timeout(10_000)

  it('sends a log in order of time, batches one after the other, and ends when all is acknowledged', async () => {
    const stdin = new PassThrough()
    const { sender, sent, mostUnderWay } = fakeSender(() => new Promise((resolve) => setTimeout(resolve, 1)))
    const paths = Array.from({ length: 6_000 }, (_, i) => `/${String(5_999 - i).padStart(4, '0')}`)
    const secondOf = (i: number) => 59 - Math.floor(i / 101)
    stdin.end(paths.map((path, i) => line(secondOf(i), path)).join(''))
    assert.deepEqual(await send(stdin, { sender }), { kind: 'end' })
    const expected = paths.map((path, i) => ({ path, i })).sort((a, b) => secondOf(a.i) - secondOf(b.i) || a.i - b.i)
    assert.deepEqual(
      sent,
      expected.map(({ path }) => path),
    )
    assert.equal(mostUnderWay(), 1)
  })

  it('sends what it holds when nothing has come for a second, and continues', async () => {
    const stdin = new PassThrough()
    const { sender, sent } = fakeSender()
    let wake = quiet
    const until = async (test: () => boolean) => {
      while (!test()) await new Promise<void>((resolve) => (wake = () => resolve()))
    }
    const end = send(stdin, { sender, isFollowed: true, onPiece: () => wake() })
    stdin.write(line(2, '/second') + line(1, '/first'))
    await until(() => sent.length === 2)
    assert.deepEqual(sent, ['/first', '/second'])
    stdin.write(line(3, '/third'))
    await until(() => sent.length === 3)
    stdin.end(line(4, '/fourth').trimEnd())
    assert.deepEqual(await end, { kind: 'end' })
    assert.deepEqual(sent, ['/first', '/second', '/third', '/fourth'])
  })

  it('sends what it has read when it is stopped', async () => {
    const stdin = new PassThrough()
    const { sender, sent } = fakeSender()
    const stop = new AbortController()
    stdin.write(line(1, '/a').repeat(100))
    assert.deepEqual(await send(stdin, { sender, signal: stop.signal, onPiece: () => stop.abort() }), {
      kind: 'stopped',
    })
    assert.equal(sent.length, 100)
    stdin.destroy()
  })

  it('sends what it has read when the log breaks off, and says why', async () => {
    const stdin = new PassThrough()
    const { sender, sent } = fakeSender()
    stdin.write(line(1, '/read'))
    const end = await send(stdin, { sender, onPiece: () => void stdin.destroy(new Error('the disk has gone')) })
    assert.equal(end.kind, 'broken')
    assert.deepEqual(sent, ['/read'])
  })

  it('fails when Kafka does not take the records', async () => {
    const stdin = new PassThrough()
    stdin.end(line(1))
    const { sender } = fakeSender(() => Promise.reject(new Error('no broker')))
    await assert.rejects(send(stdin, { sender }), /no broker/)
  })

  it('reads several logs as one, in order of time, whatever their chunks', async () => {
    const times = fc.array(fc.nat(59), { minLength: 1, maxLength: 40 }).map((seconds) => seconds.sort((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(
        fc.array(times, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 20, max: 3_000 }),
        async (logs, size) => {
          const clicks: Click[] = []
          // No span at all: what is in order in each log has to come out in order.
          const reading = new LogReading(readingOptions({ reorderMs: 0, onClick: (click) => void clicks.push(click) }))
          const inputs = logs.map((seconds, at) => {
            const bytes = Buffer.from(seconds.map((second) => line(second, `/${at}`)).join(''))
            async function* chunks(): AsyncGenerator<Buffer, void> {
              for (let from = 0; from < bytes.length; from += size)
                yield await Promise.resolve(bytes.subarray(from, from + size))
            }
            const source = {
              totalBytes: bytes.length,
              bytesRead: () => 0,
              chunks: chunks(),
              firstLine: () => Promise.resolve(undefined),
              close: quiet,
            }
            return { source, log: reading.file({ file: String(at), server: String(at), format: 'combined' }) }
          })
          const release = (newestMs: number) => {
            reading.release(newestMs)
            return Promise.resolve()
          }
          const hooks = { signal: new AbortController().signal, afterPiece: release, onIdle: undefined }
          assert.deepEqual(await readLogs(inputs, hooks), { kind: 'end' })
          reading.flush()
          assert.equal(clicks.length, logs.flat().length)
          assert.equal(reading.counts.late, 0)
        },
      ),
      { numRuns: 200 },
    )
  })
})
