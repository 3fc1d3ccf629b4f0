import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { TOPICS, type Click } from '../../domain/events.js'
import { createDecoder } from '../../platform/avro/codec.js'
import { packageRoot } from '../../platform/package-root.js'
import { AVRO_SCHEMAS } from '../../schemas/avro-schemas.js'
import type { Anomaly } from '../../schemas/rest/anomalies.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { withLateLines } from '../support/late-lines.js'
import { LogInDuckDb, type FlaggedWindow } from '../support/log-in-duckdb.js'
import type { OracleRow } from '../support/run-oracle.js'
import { useTestStack } from '../support/stack.js'

const RULES = { highFrequency: [10_000, 10_000, 5], botLike: [60_000, 10_000, 6, 2] } as const
/** The sample is the project's own. A larger log of a real server is read as well where it lies beside the project. */
const SAMPLE = { name: 'the sample', given: join(packageRoot, 'test', 'fixtures', 'access-log.txt') }
const REAL_LOG = { name: 'the real log', given: join(packageRoot, '..', 'shared', 'data', 'apache_access.log') }
const LOGS = [SAMPLE, REAL_LOG]
  .filter(({ given }) => existsSync(given))
  .flatMap(({ name, given }) => [
    { name, given, isDisturbed: false },
    { name: `${name}, of which 5 % comes up to 120 s late`, given, isDisturbed: true },
  ])
/** Only the thresholds of the stage's rules differ from those that a scan has by itself. */
const SCAN_RULES = [
  `HIGH_FREQUENCY.minEvents=${RULES.highFrequency[2]}`,
  `BOT_LIKE.minEvents=${RULES.botLike[2]}`,
  `BOT_LIKE.maxDistinctItems=${RULES.botLike[3]}`,
].flatMap((rule) => ['--rule', rule])

interface IngestReport {
  readonly lines: number
  readonly accepted: number
  readonly skipped: number
  readonly rejected: number
  readonly seconds: number
  readonly refused: { readonly late: number; readonly repeated: number }
}

interface ScanDocument extends Omit<IngestReport, 'refused'> {
  readonly refused: number
  readonly sessions: number
  readonly anomalies: readonly Anomaly[]
}

type Row = Pick<OracleRow, 'session_id' | 'user_id' | 'rule_id' | 'topic' | 'kafka_partition'> &
  Pick<
    OracleRow,
    'window_start' | 'window_end' | 'event_count' | 'distinct_items' | 'status' | 'first_offset' | 'last_offset'
  >

/** A row without what depends on when it was decided. A window at the end of the log may still be open in the pipeline. */
function comparable(row: Row, evidence: Anomaly['evidence']) {
  const { rule, ...observed } = evidence
  const isHeld = row.status === 'retracted' ? 'retracted' : 'holds'
  const { session_id, user_id, rule_id, topic, kafka_partition, window_start, window_end } = row
  const counts = [row.event_count, row.distinct_items, row.first_offset, row.last_offset, isHeld]
  assert.ok(rule)
  const key = [window_start, rule_id, session_id].join(' ')
  return { key, user_id, topic, kafka_partition, window_end, counts, observed }
}

for (const { name, given, isDisturbed } of LOGS)
  describe(`${name} of a web server, ingested and decided`, function () {
    this.timeout(300_000)
    const servers = useTestStack('postgres', 'kafka', 'registry')
    let stage: DetectionStage | undefined
    let report: IngestReport
    let log: LogInDuckDb
    let clicks: Click[]
    let file = given

    before(async () => {
      stage = await DetectionStage.open(servers())
      if (isDisturbed) {
        file = stage.file('disturbed.log')
        writeFileSync(
          file,
          withLateLines(readFileSync(given, 'utf8').trimEnd().split('\n'), { seed: 7 }).join('\n') + '\n',
        )
      }
      await stage.freshDatabase(RULES)
      const { code, stdout, stderr, seconds: took } = await stage.guardian(['ingest', file, '--json'])
      assert.equal(code, 0, stderr)
      report = JSON.parse(stdout) as IngestReport
      log = await LogInDuckDb.open(file)
      const decode = createDecoder(AVRO_SCHEMAS[TOPICS.clicks] ?? '', AVRO_SCHEMAS[TOPICS.clicks] ?? '')
      const records = await readTopics(stage.brokers, [TOPICS.clicks])
      clicks = records.map(({ value }) => decode(Buffer.from(value ?? '', 'base64')) as Click)
      await stage.finish(stage.startDetector(), await stage.logEnds())
      const { lines, accepted, skipped, rejected } = report
      console.log(
        `      ${lines} lines: ${accepted} accepted, ${skipped} skipped, ${rejected} rejected, in ${took.toFixed(1)} s`,
      )
    })

    after(async () => {
      await stage?.close()
    })

    const stageOf = (): DetectionStage => {
      assert.ok(stage)
      return stage
    }

    /** What the detector found to hold in the end, in the terms of the log. */
    async function flagged(): Promise<FlaggedWindow[]> {
      const clients = new Map(clicks.map((click) => [click.session_id, click]))
      const holds = (row: OracleRow) =>
        row.status === 'confirmed' ||
        (row.status === 'open' && (row.rule_id === 'HIGH_FREQUENCY' || row.distinct_items <= RULES.botLike[3]))
      return (await stageOf().rows()).filter(holds).map((row) => {
        const client = clients.get(row.session_id)
        assert.ok(client)
        return {
          rule: row.rule_id,
          address: client.ip ?? '',
          agent: client.user_agent,
          windowStartMs: row.window_start,
          events: row.event_count,
          items: row.distinct_items,
        }
      })
    }

    const inOrder = (windows: readonly FlaggedWindow[]) => windows.map((window) => JSON.stringify(window)).sort()

    it('accounts for every line', async () => {
      assert.equal(report.accepted + report.skipped + report.rejected, report.lines)
      assert.equal(report.lines, readFileSync(file).toString('latin1').split('\n').length - 1)
      assert.equal(report.accepted, await log.pageViews())
      assert.equal(clicks.length, report.accepted)
    })

    it('has the sessions that SQL finds in the lines', async () => {
      const sessions = new Map<string, number>()
      for (const { session_id } of clicks) sessions.set(session_id, (sessions.get(session_id) ?? 0) + 1)
      assert.deepEqual(
        [...sessions.values()].sort((a, b) => a - b),
        await log.sessionSizes(),
      )
    })

    it('finds no event late, twice, or dead', async () => {
      const fates = await stageOf().fates()
      const sum = (fate: 'accepted' | 'duplicate' | 'late' | 'dead') => fates.reduce((total, f) => total + f[fate], 0)
      assert.deepEqual([sum('accepted'), sum('duplicate'), sum('late'), sum('dead')], [report.accepted, 0, 0, 0])
    })

    it('flags the windows that SQL flags from the lines alone', async () => {
      const expected = await log.flagged(RULES.highFrequency, RULES.botLike)
      const count = (rule: string) => expected.filter((window) => window.rule === rule).length
      console.log(`      ${count('HIGH_FREQUENCY')} HIGH_FREQUENCY, ${count('BOT_LIKE')} BOT_LIKE windows`)
      assert.ok(count('HIGH_FREQUENCY') > 5 && count('BOT_LIKE') > 5)
      assert.deepEqual(inOrder(await flagged()), inOrder(expected))
    })

    it('finds what guardian scan finds without any server', async () => {
      const scanned = await stageOf().ask<ScanDocument>(['scan', file, '--max-rejected', '100', ...SCAN_RULES])
      const { lines, accepted, skipped, rejected } = report
      assert.deepEqual(
        [scanned.lines, scanned.accepted, scanned.skipped, scanned.rejected, scanned.refused],
        [lines, accepted, skipped, rejected, 0],
      )
      assert.equal(scanned.sessions, new Set(clicks.map(({ session_id }) => session_id)).size)
      const rows = await stageOf().rows()
      const evidence = await stageOf().evidence()
      const stored = rows.map((row, at) => comparable(row, evidence[at] as Anomaly['evidence']))
      const found = scanned.anomalies.map((anomaly) =>
        comparable(
          {
            ...anomaly,
            window_start: Date.parse(anomaly.window_start),
            window_end: Date.parse(anomaly.window_end),
          },
          anomaly.evidence,
        ),
      )
      assert.ok(found.length > 10)
      const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1)
      assert.deepEqual(found.sort(byKey), stored.sort(byKey))
    })

    it('adds nothing when the log is ingested again, packed, from standard input', async () => {
      const before = await stageOf().rows()
      const again = await stageOf().ask<IngestReport>(['ingest', '-'], gzipSync(readFileSync(file)))
      const sums = ({ lines, accepted, skipped, rejected }: IngestReport) => [lines, accepted, skipped, rejected]
      assert.deepEqual(sums(again), sums(report))
      // Standard input begins as the file did: it is the same log, and nothing of it is late news.
      assert.deepEqual(again.refused, { late: 0, repeated: again.refused.repeated })
      assert.ok(again.refused.repeated > 0)
      await stageOf().finish(stageOf().startDetector(), await stageOf().logEnds())
      assert.deepEqual(await stageOf().rows(), before)
      const fates = await stageOf().fates()
      assert.equal(
        fates.reduce((total, { duplicate, late }) => total + duplicate + late, 0),
        report.accepted,
      )
    })
  })
