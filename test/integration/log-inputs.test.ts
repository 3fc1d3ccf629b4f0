import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { packageRoot } from '../../platform/package-root.js'
import { archivedLines } from '../support/archive-rows.js'
import { waitUntil } from '../support/child-process.js'
import { computeArchivedDays } from '../support/computed-days.js'
import { DetectionStage } from '../support/detection-stage.js'
import { logInputs, type LogInput } from '../support/log-inputs.js'
import { scanFiles } from '../support/scan-files.js'
import { useTestStack } from '../support/stack.js'

type Expected = Pick<LogInput, 'accepted' | 'skipped' | 'rejected' | 'sessions' | 'anomalies'>
interface Case {
  readonly files: readonly string[]
  readonly args?: readonly string[]
  readonly expected: Expected
}

const expected = (accepted: number, skipped: number, sessions: number, ...anomalies: string[]): Expected => ({
  accepted,
  skipped,
  rejected: 0,
  sessions,
  anomalies,
})

/** The cases of `shared/cases/README.md` that come as logs, and what a practitioner expects of each. */
const CASES: readonly Case[] = [
  { files: ['01-vhost-combined.log'], expected: expected(60, 0, 6) },
  { files: ['03-no-path-targets.log'], expected: expected(0, 66, 0) },
  { files: ['05-user-with-bracket.log'], expected: expected(60, 0, 1, 'HIGH_FREQUENCY 60') },
  { files: ['06-long-user.log'], expected: expected(60, 0, 1, 'HIGH_FREQUENCY 60') },
  { files: ['08-server-a.log', '08-server-b.log'], expected: expected(60, 0, 1, 'HIGH_FREQUENCY 60') },
  { files: ['10-client-port.log'], expected: expected(80, 0, 1, 'HIGH_FREQUENCY 80') },
  { files: ['13-ms-and-iso-time.log'], expected: expected(6, 0, 1) },
  { files: ['15-same-page-many-spellings.log'], expected: expected(130, 0, 1, 'BOT_LIKE 130') },
  { files: ['16-one-page-load.log'], expected: expected(1, 60, 1) },
  { files: ['18-partial.log'], args: ['--server', 'one'], expected: expected(4, 1, 1) },
  { files: ['18-full.log'], args: ['--server', 'one'], expected: expected(5, 0, 1) },
  { files: ['19-two-members.log.gz'], expected: expected(5, 0, 1) },
]
/** They are not part of the project: where they do not lie beside it, its own inputs of the same classes are read alone. */
const CASES_FOLDER = join(packageRoot, '..', 'shared', 'cases')
const cases = existsSync(CASES_FOLDER) ? CASES : []

interface IngestReport {
  readonly accepted: number
  readonly skipped: number
  readonly rejected: number
  readonly refused: { readonly late: number; readonly repeated: number }
}

const MINUTE_MS = 60_000
/** When the logs of the cases begin. */
const CASES_BEGIN_MS = Date.UTC(2026, 9, 6, 10)
const HOURS_BACK = 8

/** Writes a case whose times are moved, so that the log begins at `beginMs`. @returns its path */
function shiftedCase(stage: DetectionStage, name: string, beginMs: number): string {
  const given = readFileSync(join(CASES_FOLDER, name))
  const text = (name.endsWith('.gz') ? gunzipSync(given) : given).toString('latin1')
  const shifted = (ms: number): Date => new Date(ms - CASES_BEGIN_MS + beginMs)
  const moved = text
    .replaceAll(/\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d/g, (time) => {
      const [date = '', ...clock] = time.split(':')
      const at = shifted(Date.parse(`${date.replaceAll('/', ' ')} ${clock.join(':')} UTC`))
      const [, day, month, year] = at.toUTCString().split(' ')
      return `${day}/${month}/${year}:${at.toISOString().slice(11, 19)}`
    })
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g, (time) =>
      shifted(Date.parse(`${time}Z`))
        .toISOString()
        .slice(0, 19),
    )
  const bytes = Buffer.from(moved, 'latin1')
  const path = stage.file(name)
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(bytes) : bytes)
  return path
}

async function scanned(files: readonly string[], args: readonly string[]): Promise<Expected> {
  const { counts, sessions, report } = await scanFiles(files, args)
  const { accepted, skipped, rejected } = counts
  const held = report.anomalies.filter(({ status }) => status !== 'retracted')
  return { accepted, skipped, rejected, sessions, anomalies: held.map((row) => `${row.rule_id} ${row.event_count}`) }
}

describe('inputs from practitioners', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  const inputs = logInputs(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - HOURS_BACK * 60 * MINUTE_MS)

  before(async () => {
    stage = await DetectionStage.open(servers())
    for (const { file, bytes } of inputs) writeFileSync(stage.file(file), bytes)
  })
  after(() => stage.close())

  for (const { files, args = [], expected: of } of cases)
    it(`reads ${files.join(' and ')} as expected`, async () => {
      assert.deepEqual(
        await scanned(
          files.map((file) => join(CASES_FOLDER, file)),
          args,
        ),
        of,
      )
    })

  it(`reads ${inputs.length} more of the same classes as expected`, async () => {
    assert.ok(inputs.length >= 60)
    for (const { name, file, args, accepted, skipped, rejected, sessions, anomalies } of inputs)
      assert.deepEqual(
        await scanned([stage.file(file)], args),
        { accepted, skipped, rejected, sessions, anomalies },
        name,
      )
  })

  it('counts and flags in the detector, the archive and the KPIs what they should give, through the real servers', async () => {
    for (const group of neighbours(inputs)) {
      const files = group.map(({ file }) => stage.file(file))
      const report = await stage.ask<IngestReport>(['ingest', ...files, ...(group[0]?.args ?? [])])
      const sum = (of: 'accepted' | 'skipped' | 'rejected') => group.reduce((total, input) => total + input[of], 0)
      assert.deepEqual(
        [report.accepted, report.skipped, report.rejected],
        [sum('accepted'), sum('skipped'), sum('rejected')],
        group[0]?.name,
      )
    }
    const total = inputs.reduce((sum, { accepted }) => sum + accepted, 0)
    const archiver = stage.startArchiver()
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const fates = await stage.fates()
    const count = (fate: 'accepted' | 'duplicate' | 'late' | 'dead') => fates.reduce((sum, of) => sum + of[fate], 0)
    assert.deepEqual([count('accepted'), count('duplicate'), count('late'), count('dead')], [total, 0, 0, 0])
    const rows = (await stage.rows()).filter(({ status }) => status !== 'retracted')
    const all = inputs.flatMap(({ anomalies }) => anomalies)
    assert.deepEqual(rows.map((row) => `${row.rule_id} ${row.event_count}`).sort(), all.sort())
    await waitUntil(
      () => 'the archive does not have all of them',
      60_000,
      async () => (await archivedLines(stage.db, stage.archiveFolder)).length >= total,
    )
    assert.equal((await archivedLines(stage.db, stage.archiveFolder)).length, total)
    await archiver.stop()
    const days = await computeArchivedDays(stage)
    const sum = (of: 'events' | 'purchases' | 'repeatedRows') => days.reduce((all, day) => all + day[of], 0)
    assert.deepEqual([sum('events'), sum('purchases'), sum('repeatedRows')], [total, 0, 0])
  })

  it('adds nothing when they are read again, rotated and renamed', async () => {
    const [first] = inputs
    assert.ok(first)
    for (const name of [first.file, `${first.file}.1`, 'renamed.log']) {
      writeFileSync(stage.file(name), first.bytes)
      const args = ['ingest', stage.file(name), '--server', first.file, ...first.args]
      const report: IngestReport = await stage.ask<IngestReport>(args)
      assert.deepEqual(report.refused, { late: 0, repeated: first.accepted }, name)
    }
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const fates = await stage.fates()
    const total = inputs.reduce((sum, { accepted }) => sum + accepted, 0)
    assert.equal(
      fates.reduce((sum, { accepted }) => sum + accepted, 0),
      total,
    )
  })

  if (cases.length > 0)
    it('counts the cases of practitioners alike in ingest, detector, archive and KPIs', async () => {
      await stage.freshTopics()
      const archiver = stage.startArchiver()
      const firstMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - HOURS_BACK * 60 * MINUTE_MS
      for (const [at, { files, args = [], expected: of }] of cases.entries()) {
        // Later ones follow each other as in a live stream; the two readings of one log are at the same time.
        const place = cases.findIndex((one) => one.files[0]?.slice(0, 2) === files[0]?.slice(0, 2))
        const paths = files.map((file) => shiftedCase(stage, file, firstMs + 15 * place * MINUTE_MS))
        const report = await stage.ask<IngestReport>(['ingest', ...paths, ...args])
        assert.deepEqual(
          [report.accepted, report.skipped, report.rejected],
          [of.accepted, of.skipped, of.rejected],
          `${at}`,
        )
      }
      const read = cases.reduce((sum, one) => sum + one.expected.accepted, 0)
      const again = cases.find(({ files }) => files[0] === '18-partial.log')?.expected.accepted ?? 0
      await stage.finish(stage.startDetector(), await stage.logEnds())
      const fates = await stage.fates()
      const count = (fate: 'accepted' | 'duplicate' | 'late' | 'dead') => fates.reduce((sum, one) => sum + one[fate], 0)
      assert.deepEqual([count('accepted'), count('late'), count('dead')], [read - again, 0, 0])
      const held = (await stage.rows()).filter(({ status }) => status !== 'retracted')
      assert.deepEqual(
        held.map((row) => `${row.rule_id} ${row.event_count}`).sort(),
        cases.flatMap((one) => one.expected.anomalies).sort(),
      )
      const inLog = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
      await waitUntil(
        () => 'the archive does not have all of them',
        60_000,
        async () => (await stage.archived()) >= inLog,
      )
      await archiver.stop()
      const lines = await archivedLines(stage.db, stage.archiveFolder)
      assert.equal(new Set(lines.map(({ text }) => text.split(' | ')[1])).size, read - again)
      const days = await computeArchivedDays(stage)
      assert.equal(
        days.reduce((sum, { events }) => sum + events, 0),
        read - again,
      )
    })
})

/** Inputs that follow one another with the same options: one command reads them all. */
function neighbours(inputs: readonly LogInput[]): LogInput[][] {
  const groups: LogInput[][] = []
  for (const input of inputs) {
    const last = groups.at(-1)
    if (last?.[0]?.args.join(' ') === input.args.join(' ')) last.push(input)
    else groups.push([input])
  }
  return groups
}
