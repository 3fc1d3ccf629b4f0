import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LineCutter } from '../../../../cli/ingest/log-lines.js'
import { excerptOf, LogReading, type LogReadingOptions, type RejectedLine } from '../../../../cli/ingest/log-reading.js'
import { Sessionizer } from '../../../../cli/ingest/sessionizer.js'
import { faultOf } from '../../../../domain/events/event-fault.js'
import type { Click } from '../../../../domain/events.js'
import { packageRoot } from '../../../../platform/package-root.js'
import { READING_NOW_MS as NOW_MS, readingOptions } from '../../../support/reading-options.js'

const SAMPLE = readFileSync(join(packageRoot, 'test', 'fixtures', 'access-log.txt'))

interface ReadHow extends Partial<LogReadingOptions> {
  readonly server?: string
  readonly format?: string
}

function read(bytes: Buffer, { server = 'web', format = 'auto', ...changes }: ReadHow = {}) {
  const rejected: RejectedLine[] = []
  const clicks: Click[] = []
  const onRejected = (line: RejectedLine) => void rejected.push(line)
  const reading = new LogReading(
    readingOptions({ onRejected, onClick: (click) => void clicks.push(click), ...changes }),
  )
  const log = reading.file({ file: 'access.log', server, format })
  const cutter = new LineCutter()
  const lines = [...cutter.cut(bytes), ...cutter.end()]
  log.prepare(lines)
  for (const line of lines) {
    log.read(line)
    reading.release(log.newestMs)
  }
  reading.flush()
  return { clicks, counts: reading.counts, rejected, log }
}

const line = (second: string, path = '/', address = '192.0.2.1', agent = 'agent'): string =>
  `${address} - - [01/Mar/2025:${second} +0000] "GET ${path} HTTP/1.1" 200 5 "-" "${agent}"\n`
const readText = (text: string, how: ReadHow = {}) => read(Buffer.from(text), how)
const idsOf = (clicks: readonly Click[]) => clicks.map(({ event_id }) => event_id)

describe('LogReading', () => {
  it('accounts for every line of the sample', () => {
    const { clicks, counts, rejected } = read(SAMPLE)
    assert.equal(counts.lines, SAMPLE.toString('latin1').split('\n').length - 1)
    assert.equal(counts.accepted + counts.skipped + counts.rejected, counts.lines)
    assert.equal(clicks.length, counts.accepted)
    assert.equal(rejected.length, counts.rejected)
    const { skippedBy, rejectedBy, ...sums } = counts
    assert.deepEqual(sums, { lines: 394, accepted: 314, skipped: 76, rejected: 4, late: 0 })
    const named = (by: Readonly<Record<string, number>>) => Object.entries(by).filter(([, count]) => count > 0)
    assert.deepEqual(named(skippedBy), [
      ['blank', 1],
      ['no_request', 2],
      ['asset', 73],
    ])
    assert.deepEqual(named(rejectedBy), [
      ['not_this_format', 2],
      ['binary', 1],
      ['bad_time', 1],
    ])
  })

  it('gives clicks in order of time, though the sample is not', () => {
    const { clicks } = read(SAMPLE)
    const times = clicks.map(({ event_ts }) => event_ts)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
    assert.notDeepEqual(
      read(SAMPLE, { reorderMs: 0 }).clicks.map(({ event_ts }) => event_ts),
      times,
    )
  })

  it('gives every event an id of its own, and the same one again', () => {
    const first = read(SAMPLE).clicks
    assert.deepEqual(read(SAMPLE).clicks, first)
    assert.equal(new Set(idsOf(first)).size, first.length)
    for (const id of idsOf(first)) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('tells equal lines apart by their number, and finds the same ids when a log is given twice in one', () => {
    const twice = line('10:00:00') + line('10:00:01') + line('10:00:00')
    const { clicks } = readText(twice)
    assert.equal(new Set(idsOf(clicks)).size, 3)
    assert.deepEqual(idsOf(readText(line('10:00:00')).clicks), idsOf(clicks).slice(0, 1))
  })

  it('begins a session anew after more than 30 minutes, and for another agent or address', () => {
    const { clicks } = readText(
      [
        line('10:00:00'),
        line('10:30:00'),
        line('11:00:01'),
        line('11:00:02', '/', '192.0.2.2'),
        line('11:00:03', '/', '192.0.2.1', 'other'),
        line('11:00:04'),
      ].join(''),
    )
    const [a, b, c, d, e, f] = clicks.map(({ session_id }) => session_id)
    assert.equal(a, b)
    assert.notEqual(b, c)
    assert.equal(new Set([c, d, e]).size, 3)
    assert.equal(f, c)
    assert.match(a ?? '', new RegExp(`^web-[0-9a-f]{16}-${Date.UTC(2025, 2, 1, 10) / 1_000}$`))
  })

  it('fills the fields of a click', () => {
    const text = '192.0.2.7 - eve [01/Mar/2025:10:00:00 +0100] "GET /p/1?q=a HTTP/1.1" 404 9 "http://r/" "A/1"\n'
    const [click] = readText(text).clicks
    assert.ok(click)
    assert.deepEqual(click, {
      event_id: click.event_id,
      session_id: click.session_id,
      event_ts: Date.UTC(2025, 2, 1, 9),
      ingest_ts: NOW_MS,
      source: 'access-log',
      user_id: 'eve',
      event_type: 'page_view',
      item_id: '/p/1',
      page: '/p/1?q=a',
      ip: '192.0.2.7',
      user_agent: 'A/1',
      referrer: 'http://r/',
    })
  })

  it('skips assets and API calls, unless they are asked for', () => {
    const text = ['/a.css', '/img/B.PNG?v=1', '/a.css/page', '/api/cart', '/']
      .map((path) => line('10:00:00', path))
      .join('')
    assert.equal(readText(text).counts.skippedBy.asset, 2)
    assert.equal(readText(text).counts.skippedBy.api, 1)
    assert.equal(readText(text, { includeAssets: true }).counts.accepted, 4)
    assert.equal(readText(text, { includeAssets: true, includeApi: true }).counts.accepted, 5)
  })

  it('makes the identity of an event from its server, its line and its number among equal lines', () => {
    const text = line('10:00:00') + line('10:00:00')
    const ids = idsOf(readText(text).clicks)
    assert.equal(new Set([...ids, ...idsOf(readText(text, { server: 'other' }).clicks)]).size, 4)
    // A file that has grown gives the same ids for the lines that it had.
    assert.deepEqual(idsOf(readText(text + line('10:00:00') + line('10:00:01')).clicks).slice(0, 2), ids)
  })

  it('gives several logs of one reading their own numbers, so that reading them apart gives the same ids', () => {
    const clicks: Click[] = []
    const reading = new LogReading(readingOptions({ onClick: (click) => void clicks.push(click) }))
    for (const server of ['a', 'b']) {
      const log = reading.file({ file: `${server}.log`, server, format: 'auto' })
      const lines = new LineCutter().cut(Buffer.from(line('10:00:00').repeat(3)))
      log.prepare(lines)
      for (const one of lines) log.read(one)
    }
    reading.flush()
    const apart = ['a', 'b'].flatMap((server) => idsOf(readText(line('10:00:00').repeat(3), { server }).clicks))
    assert.deepEqual(idsOf(clicks).sort(), apart.sort())
    assert.equal(new Set(apart).size, 6)
  })

  it('cuts what a client chose to what the system stores, and loses no request by it', () => {
    const long = '\u{1f600}'.repeat(3_000)
    const text = `192.0.2.1 - ${'u'.repeat(600)} [01/Mar/2025:10:00:00 +0000] "GET /${'p'.repeat(60_000)} HTTP/1.1" 200 5 "${long}" "${long}"\n`
    const [click] = readText(text).clicks
    assert.ok(click)
    assert.equal(click.user_id?.length, 512)
    assert.equal(click.user_agent?.length, 1_024)
    assert.ok((click.item_id?.length ?? 0) <= 2_048 && click.page.length === 4_096)
    for (const text of [click.referrer, click.user_agent]) assert.equal(Buffer.from(text ?? '').toString(), text)
    assert.equal(faultOf(click, NOW_MS, 300_000), undefined)
    const name = `192.0.2.1 - ${'u'.repeat(511)}\u{1f600} [01/Mar/2025:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a"\n`
    assert.equal(readText(name).clicks[0]?.user_id, 'u'.repeat(511))
  })

  it('does not read a last line that may be half written, and reads one that is certainly whole', () => {
    const whole = line('10:00:00').trimEnd()
    const before = line('09:59:59')
    assert.deepEqual(readText(before + whole.slice(0, -20)).counts.skippedBy.incomplete_last_line, 1)
    assert.deepEqual(readText(before + whole.slice(0, whole.indexOf(' "-"'))).counts.skippedBy.incomplete_last_line, 1)
    assert.deepEqual(
      readText(before + whole.slice(0, whole.indexOf(' "agent"'))).counts.skippedBy.incomplete_last_line,
      1,
    )
    assert.equal(readText(before + whole).counts.accepted, 2)
    assert.equal(readText(whole).counts.accepted, 1)
    assert.deepEqual(idsOf(readText(before + whole).clicks), idsOf(readText(before + line('10:00:00')).clicks))
    const common = '192.0.2.1 - - [01/Mar/2025:10:00:00 +0000] "GET / HTTP/1.1" 200 51'
    assert.equal(readText(common).counts.skippedBy.incomplete_last_line, 1)
    const json =
      '{"remote_addr":"192.0.2.1","time_iso8601":"2025-03-01T10:00:00Z","request":"GET / HTTP/1.1","status":200}'
    assert.equal(readText(json).counts.accepted, 1)
    assert.equal(readText(json.slice(0, -1)).counts.skippedBy.incomplete_last_line, 1)
  })

  it('counts the lines that come behind the reorder window', () => {
    const text = line('10:00:00') + line('10:05:00') + line('10:10:00') + line('10:01:00') + line('10:10:01')
    assert.equal(readText(text, { reorderMs: 120_000 }).counts.late, 1)
    assert.equal(readText(text, { reorderMs: 600_000 }).counts.late, 0)
  })

  it('says that a log is of another format than the one asked for, in place of rejecting all of it', () => {
    const vhost = `shop.example:443 ${line('10:00:00')}`.repeat(150)
    assert.throws(
      () => readText(vhost, { format: 'alb' }),
      /access\.log: this looks like vhost_combined: --format vhost_combined/,
    )
    const { log, counts } = readText(vhost)
    assert.deepEqual([log.fit?.name, log.fit?.confidence, counts.accepted], ['vhost_combined', 1, 150])
    assert.throws(() => readText(vhost, { format: 'combined' }), /this looks like vhost_combined/)
  })

  it('rejects a line from the future, which the detector would not take either', () => {
    const { counts } = readText(line('10:00:00'), { now: () => Date.UTC(2025, 2, 1, 9, 54, 59) })
    assert.equal(counts.rejectedBy.in_the_future, 1)
    assert.equal(readText(line('10:00:00'), { now: () => Date.UTC(2025, 2, 1, 9, 55) }).counts.accepted, 1)
  })

  it('shows a rejected line in a form that a terminal does not obey, and short', () => {
    assert.equal(excerptOf('a\u001b[2J\u0000\u009b\u202eb'), String.raw`a\x1b[2J\x00\x9b\u{202e}b`)
    assert.ok(excerptOf('x'.repeat(70_000)).length < 160)
    const { rejected } = readText(`bad\n${'y'.repeat(1_100_000)}\n`)
    assert.deepEqual(
      rejected.map(({ number, reason }) => [number, reason]),
      [
        [1, 'not_this_format'],
        [2, 'too_long'],
      ],
    )
  })
})

describe('Sessionizer', () => {
  it('forgets the clients that have gone, and keeps the others', () => {
    const sessions = new Sessionizer()
    const stays = sessions.sessionOf('stays', '', 0)
    for (let i = 0; i < 200_000; i++) {
      sessions.sessionOf(`client ${i}`, '', i * 100)
      if (i % 1_000 === 0) assert.equal(sessions.sessionOf('stays', '', i * 100), stays)
    }
    assert.ok(sessions.openSessions < 80_000, String(sessions.openSessions))
  })
})
