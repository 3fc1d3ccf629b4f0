import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { EventSender } from '../../../../cli/event-sender.js'
import { openLog } from '../../../../cli/ingest/log-lines.js'
import { LogReading } from '../../../../cli/ingest/log-reading.js'
import { sendLog } from '../../../../cli/ingest/send-log.js'
import type { Click } from '../../../../domain/events.js'

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

const readingOf = (): LogReading =>
  new LogReading({
    includeAssets: false,
    reorderMs: 120_000,
    now: () => Date.UTC(2026, 0, 1),
    onRejected: () => undefined,
  })

const quiet = (): void => undefined

describe('sendLog', function () {
  this.timeout(10_000)

  it('sends a log in order of time, batches one after the other, and ends when all is acknowledged', async () => {
    const stdin = new PassThrough()
    const { sender, sent, mostUnderWay } = fakeSender(() => new Promise((resolve) => setTimeout(resolve, 1)))
    const paths = Array.from({ length: 6_000 }, (_, i) => `/${String(i).padStart(4, '0')}`)
    stdin.end(
      [...paths]
        .reverse()
        .map((path, i) => line(59 - Math.floor(i / 101), path))
        .join(''),
    )
    const reading = readingOf()
    const deps = { sender, reading, signal: new AbortController().signal, flushWhenIdle: false, onProgress: quiet }
    const end = await sendLog(await openLog('-', stdin), deps)
    assert.deepEqual(end, { kind: 'end' })
    assert.equal(sent.length, 6_000)
    const expected = [...paths].reverse().map((path, i) => ({ path, second: 59 - Math.floor(i / 101), i }))
    expected.sort((a, b) => a.second - b.second || a.i - b.i)
    assert.deepEqual(
      sent,
      expected.map(({ path }) => path),
    )
    assert.equal(mostUnderWay(), 1)
  })

  it('sends what it holds when nothing has come for a second, and goes on', async () => {
    const stdin = new PassThrough()
    const { sender, sent } = fakeSender()
    let wake = quiet
    const until = async (test: () => boolean) => {
      while (!test()) await new Promise<void>((resolve) => (wake = () => resolve()))
    }
    const onProgress = () => wake()
    const deps = { sender, reading: readingOf(), signal: new AbortController().signal, flushWhenIdle: true, onProgress }
    const end = sendLog(await openLog('-', stdin), deps)
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
    const onProgress = () => stop.abort()
    const deps = { sender, reading: readingOf(), signal: stop.signal, flushWhenIdle: false, onProgress }
    stdin.write(line(1, '/read'))
    assert.deepEqual(await sendLog(await openLog('-', stdin), deps), { kind: 'stopped' })
    assert.deepEqual(sent, ['/read'])
    stdin.destroy()
  })

  it('sends what it has read when the log breaks off, and says why', async () => {
    const stdin = new PassThrough()
    const { sender, sent } = fakeSender()
    const deps = { sender, reading: readingOf(), signal: new AbortController().signal, flushWhenIdle: false }
    const onProgress = () => void stdin.destroy(new Error('the disk has gone'))
    stdin.write(line(1, '/read'))
    const end = await sendLog(await openLog('-', stdin), { ...deps, onProgress })
    assert.equal(end.kind, 'broken')
    assert.deepEqual(sent, ['/read'])
  })

  it('keeps no chunk of a line that has no end', async () => {
    const most = { bytes: 0 }
    const onProgress = () => (most.bytes = Math.max(most.bytes, process.memoryUsage().arrayBuffers))
    async function* chunks(): AsyncGenerator<Buffer, void> {
      for (let i = 0; i < 4_000; i++) yield await Promise.resolve(Buffer.alloc(262_144, 0x78))
    }
    const source = { totalBytes: undefined, bytesRead: () => 0, chunks: chunks(), close: quiet }
    const reading = readingOf()
    const { sender } = fakeSender()
    const deps = { sender, reading, signal: new AbortController().signal, flushWhenIdle: true, onProgress }
    assert.deepEqual(await sendLog(source, deps), { kind: 'end' })
    assert.equal(reading.counts.rejectedBy.too_long, 1)
    assert.ok(most.bytes < 400_000_000, `${most.bytes} bytes were held of 1,048,576,000`)
  })

  it('fails when Kafka does not take the records', async () => {
    const stdin = new PassThrough()
    stdin.end(line(1))
    const { sender } = fakeSender(() => Promise.reject(new Error('no broker')))
    const deps = { sender, reading: readingOf(), signal: new AbortController().signal, flushWhenIdle: false }
    await assert.rejects(async () => sendLog(await openLog('-', stdin), { ...deps, onProgress: quiet }), /no broker/)
  })
})
