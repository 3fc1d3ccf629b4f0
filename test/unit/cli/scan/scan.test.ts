import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { LineCutter } from '../../../../cli/ingest/log-lines.js'
import { LogReading } from '../../../../cli/ingest/log-reading.js'
import { htmlReport } from '../../../../cli/scan/html-report.js'
import { MostFrequent } from '../../../../cli/scan/most-frequent.js'
import { reportOf } from '../../../../cli/scan/scan-report.js'
import { DEFAULT_RULES, scanRules } from '../../../../cli/scan/scan-rules.js'
import { Scan } from '../../../../cli/scan/scan.js'
import { columnsOf, textReport } from '../../../../cli/scan/text-report.js'
import { packageRoot } from '../../../../platform/package-root.js'
import { readingOptions } from '../../../support/reading-options.js'

const isBot = (userAgent: string): boolean => userAgent.includes('bot')

/** Scans a log that is given as text. */
function scanOf(text: string, rules = DEFAULT_RULES) {
  const policy = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
  const scan = new Scan({ rules, policy, partitions: 4, isDeclaredBot: isBot })
  const reading = new LogReading(readingOptions({ onClick: (click, _entry, session) => scan.take(click, session) }))
  const log = reading.file({ file: 'access.log', server: 'web', format: 'auto' })
  const lines = new LineCutter().cut(Buffer.from(text))
  log.prepare(lines)
  for (const line of lines) log.read(line)
  reading.flush()
  scan.finish()
  return { scan, reading, report: reportOf(scan, reading, isBot) }
}

const second = (at: number): string => new Date(Date.UTC(2025, 2, 1, 10, 0, at)).toISOString().slice(11, 19)
const line = (at: number, address: string, path = '/', agent = 'Browser'): string =>
  `${address} - - [01/Mar/2025:${second(at)} +0000] "GET ${path} HTTP/1.1" 200 5 "-" "${agent}"\n`
const burst = (count: number, address: string, from = 0, agent = 'Browser'): string =>
  Array.from({ length: count }, (_, i) => line(from + Math.floor((10 * i) / count), address, `/${i}`, agent)).join('')

describe('guardian scan', () => {
  it('has the rules of a new installation', () => {
    const sql = readFileSync(join(packageRoot, 'db/migrations/0000_detection.sql'), 'utf8')
    const inserted = [...sql.matchAll(/\('([A-Z_]+)', (\d), '([A-Z_]+)', '(active)', '(\{[^']+\})'\)/g)].map(
      ([, ruleId, version, kind, state, parameters]) => ({
        ruleId,
        version: Number(version),
        kind,
        state,
        parameters: JSON.parse(parameters ?? '') as unknown,
      }),
    )
    assert.deepEqual(
      [...DEFAULT_RULES],
      inserted.sort((a, b) => ((a.ruleId ?? '') < (b.ruleId ?? '') ? -1 : 1)),
    )
  })

  it('flags sessions, closes what is open at the end, and says what other thresholds would do', () => {
    const { report, scan } = scanOf(
      burst(60, '192.0.2.1') + burst(45, '192.0.2.2', 20, 'a bot') + burst(25, '192.0.2.3', 40) + line(60, '192.0.2.4'),
    )
    assert.deepEqual(
      report.flagged.map(({ client, rules, most_events, windows }) => ({ client, rules, most_events, windows })),
      [{ client: '192.0.2.1', rules: ['HIGH_FREQUENCY'], most_events: 60, windows: 1 }],
    )
    assert.deepEqual(
      report.anomalies.map(({ status }) => status),
      ['confirmed'],
    )
    const effects = report.thresholds.filter(({ rule_id }) => rule_id === 'HIGH_FREQUENCY')
    assert.deepEqual(
      effects.map(({ min_events, sessions, more_sessions }) => [min_events, sessions, more_sessions]),
      [
        [20, 3, 2],
        [25, 3, 2],
        [30, 2, 1],
        [40, 2, 1],
        [50, 1, 0],
        [60, 1, 0],
        [75, 0, -1],
        [100, 0, -1],
        [150, 0, -1],
      ],
    )
    assert.deepEqual(
      report.peaks.map(({ events }) => events),
      [25, 60, 60, 60, 60, 60],
    )
    assert.deepEqual(report.bots, { events: 45, share: 0.3435, sessions: 1 })
    assert.deepEqual([scan.events, scan.refused, report.clients], [131, 0, 4])
    assert.ok(textReport(report, 4).some((text) => text.includes('HIGH_FREQUENCY at 40 instead of 50: 1 more session')))
  })

  it('takes other thresholds, and says which rule or parameter does not exist', () => {
    const rules = scanRules(['HIGH_FREQUENCY.minEvents=20', 'BOT_LIKE.maxDistinctItems=5'])
    assert.equal(scanOf(burst(25, '192.0.2.3'), rules).report.flagged.length, 1)
    assert.throws(() => scanRules(['NO_RULE.minEvents=2']), /BOT_LIKE, HIGH_FREQUENCY/)
    assert.throws(() => scanRules(['HIGH_FREQUENCY.minimum=2']), /no parameter minimum/)
    assert.throws(() => scanRules(['HIGH_FREQUENCY.minEvents=x']), /RULE.parameter=number/)
    assert.throws(() => scanRules(['HIGH_FREQUENCY.windowMs=15000']), /15000|multiple/)
  })

  it('reports a log without requests', () => {
    const { report } = scanOf('\n')
    assert.deepEqual([report.anomalies, report.flagged, report.minutes, report.peaks], [[], [], [], []])
    assert.ok(textReport(report, 0).length > 0)
    assert.match(htmlReport(report, { files: ['x'], sessions: 0, summary: '' }), /no page views/)
  })

  it('writes a page that shows what a client sent as text, and loads nothing', () => {
    const attack = `<img src=x onerror=alert(1)>'"&`
    const { report } = scanOf(burst(60, '192.0.2.1', 0, attack.replaceAll('"', '')))
    const page = htmlReport(report, { files: ['<script>.log'], sessions: 1, summary: '<b>' })
    assert.ok(!page.includes('<img') && !page.includes('<script') && !page.includes('<b>,'))
    assert.ok(page.includes('&lt;img src=x onerror=alert(1)&gt;'))
    assert.deepEqual(page.match(/(?:src|href)=["']?http/g), null)
    assert.match(page, /default-src 'none'/)
  })

  it('puts any number of minutes into as many columns as there is room for', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(5_000), { minLength: 1 }), fc.integer({ min: 1, max: 60 }), (given, most) => {
        const minutes = given.sort((a, b) => a - b).map((minute) => [minute * 60_000, minute + 1] as const)
        const columns = columnsOf(minutes, most)
        assert.ok(columns.length <= most)
        assert.equal(Math.max(...columns), Math.max(...given) + 1)
      }),
    )
  })
})

describe('MostFrequent', () => {
  it('counts exactly while it can, and never too low and never more than its error too high beyond', () => {
    const texts = fc.array(fc.nat(30).map(String), { maxLength: 500 })
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 40 }), (given, capacity) => {
        const counts = new Map<string, number>()
        const most = new MostFrequent(capacity)
        for (const text of given) {
          most.add(text)
          counts.set(text, (counts.get(text) ?? 0) + 1)
        }
        assert.ok(most.size <= capacity)
        if (counts.size <= capacity) assert.equal(most.error, 0)
        for (const [text, count] of most.top(capacity)) {
          const exact = counts.get(text) ?? 0
          assert.ok(
            count >= exact && count <= exact + most.error,
            `${text}: ${count}, exactly ${exact}, ± ${most.error}`,
          )
        }
      }),
    )
  })
})
