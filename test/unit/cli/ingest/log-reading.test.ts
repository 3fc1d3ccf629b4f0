import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LineCutter, type LogLine } from '../../../../cli/ingest/log-lines.js'
import { excerptOf, LogReading, type LogReadingOptions, type RejectedLine } from '../../../../cli/ingest/log-reading.js'
import { Sessionizer } from '../../../../cli/ingest/sessionizer.js'
import { isStaticAsset } from '../../../../cli/ingest/static-asset.js'
import type { Click } from '../../../../domain/events.js'
import { packageRoot } from '../../../../platform/package-root.js'

const NOW_MS = Date.UTC(2026, 0, 1)
const SAMPLE = readFileSync(join(packageRoot, 'test', 'fixtures', 'access-log.txt'))

function read(bytes: Buffer, changes: Partial<LogReadingOptions> = {}) {
  const rejected: RejectedLine[] = []
  const options = {
    includeAssets: false,
    reorderMs: 120_000,
    now: () => NOW_MS,
    onRejected: (line: RejectedLine) => void rejected.push(line),
  }
  const reading = new LogReading({ ...options, ...changes })
  const cutter = new LineCutter()
  const clicks = [...cutter.cut(bytes), ...cutter.end()].flatMap((line: LogLine) => reading.read(line))
  clicks.push(...reading.flush())
  return { clicks, counts: reading.counts, rejected }
}

const line = (second: string, path = '/', address = '192.0.2.1', agent = 'agent'): string =>
  `${address} - - [01/Mar/2025:${second} +0000] "GET ${path} HTTP/1.1" 200 5 "-" "${agent}"\n`
const readText = (text: string, changes: Partial<LogReadingOptions> = {}) => read(Buffer.from(text), changes)
const idsOf = (clicks: readonly Click[]) => clicks.map(({ event_id }) => event_id)

describe('LogReading', () => {
  it('accounts for every line of the sample', () => {
    const { clicks, counts, rejected } = read(SAMPLE)
    assert.equal(counts.lines, SAMPLE.toString('latin1').split('\n').length - 1)
    assert.equal(counts.accepted + counts.skipped + counts.rejected, counts.lines)
    assert.equal(clicks.length, counts.accepted)
    assert.equal(rejected.length, counts.rejected)
    assert.deepEqual(counts, {
      lines: 394,
      accepted: 312,
      skipped: 76,
      rejected: 6,
      skippedBy: { asset: 73, no_request: 2, blank: 1 },
      rejectedBy: { too_long: 0, binary: 2, not_an_access_log_line: 3, bad_time: 1, in_the_future: 0 },
    })
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

  it('skips assets, unless they are asked for', () => {
    const text = line('10:00:00', '/a.css') + line('10:00:00', '/img/B.PNG?v=1') + line('10:00:00', '/a.css/page')
    assert.equal(readText(text).counts.skippedBy.asset, 2)
    assert.equal(readText(text, { includeAssets: true }).counts.accepted, 3)
    for (const path of ['/css', '/a.b/css', '/file.pdf', '/robots.txt', '/x.', '/.css/'])
      assert.ok(!isStaticAsset(path), path)
  })

  it('rejects a line from the future, which the detector would not take either', () => {
    const { counts } = readText(line('10:00:00'), { now: () => Date.UTC(2025, 2, 1, 9, 54, 59) })
    assert.equal(counts.rejectedBy.in_the_future, 1)
    assert.equal(readText(line('10:00:00'), { now: () => Date.UTC(2025, 2, 1, 9, 55) }).counts.accepted, 1)
  })

  it('shows a rejected line in a form that a terminal does not obey, and short', () => {
    assert.equal(excerptOf('a\u001b[2J\u0000\u009b\u202eb'), String.raw`a\x1b[2J\x00\x9b\u{202e}b`)
    assert.ok(excerptOf('x'.repeat(70_000)).length < 160)
    const { rejected } = readText(`bad\n${'y'.repeat(70_000)}\n`)
    assert.deepEqual(
      rejected.map(({ number, reason }) => [number, reason]),
      [
        [1, 'not_an_access_log_line'],
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
