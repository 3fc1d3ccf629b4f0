import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { TOPICS } from '../../domain/events.js'
import { openStorage } from '../../platform/object-storage/open-storage.js'
import { archiverConfig } from '../../workers/archiver/archiver-config.js'
import { archivedLines, eventDifferences, validLines, type EventLine } from '../support/archive-rows.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { computeArchivedDays } from '../support/computed-days.js'
import { DetectionStage } from '../support/detection-stage.js'
import { dumpTopics } from '../support/dump-topic.js'
import { startS3Server } from '../support/s3-server.js'
import { useTestStack } from '../support/stack.js'
import { SupervisedApp } from '../support/supervised-app.js'
import { crashConsumer } from '../support/taken-group.js'

const RECORDS = 40_000
const KILLS = 4

describe('the archiver', function () {
  this.timeout(240_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let expected: EventLine[]
  let total = 0

  before(async () => {
    stage = await DetectionStage.open(servers())
    for (const day of ['2026-01-11', '2026-01-12'])
      await stage.ask(['simulate', '--day', day, '--events', String(RECORDS / 2), '--seed', '5'])
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    await dumpTopics(stage.file('dump.jsonl'), stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    expected = validLines(stage.file('dump.jsonl'), {
      [idOf(TOPICS.clicks)]: 'click',
      [idOf(TOPICS.purchases)]: 'purchase',
    })
    total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
    assert.ok(expected.length > RECORDS * 0.9 && expected.length < total, 'some records are no valid events')
  })
  after(() => stage.close())

  const passes = (records: number, archivers: readonly Pick<ServiceProcess, 'output'>[], deadlineMs = 60_000) =>
    waitUntil(
      () => archivers.map(({ output }) => output).join('\n'),
      deadlineMs,
      async () => (await stage.archived()) >= records,
      20,
    )

  /** Every file of the archive's folder, whether the manifest names it or not. */
  const files = () =>
    readdirSync(stage.archiveFolder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(stage.archiveFolder.length + 1))
  const named = async () =>
    (await stage.db.query<{ path: string }>('SELECT f.path FROM archive_files f')).rows.map(({ path }) => path)
  const differences = async () =>
    eventDifferences(await archivedLines(stage.db, stage.archiveFolder), expected).slice(0, 5)

  it('writes every valid record once, as it stands in the log, into a file of its day', async () => {
    await stage.freshDatabase()
    // No clock makes it roll, and a day begins only once: most of it is written because of its bytes.
    const rolling = stage.startArchiver({ ARCHIVE_ROLL_INTERVAL_MS: '3600000', ARCHIVE_ROLL_BYTES: '65536' })
    await passes(total * 0.8, [rolling])
    await rolling.stop()
    const archiver = stage.startArchiver()
    await passes(total, [archiver])
    await archiver.stop()
    assert.deepEqual(await differences(), [])
    assert.deepEqual(files().sort(), (await named()).sort())
    // A day that begins makes one or two of each.
    for (const partition of [0, 1, 2, 3]) {
      const written = files().filter((file) => file.startsWith(`clicks/date=2026-01-11/p000${partition}-`))
      assert.ok(written.length >= 4, `${written.length} files of partition ${partition} because of their bytes`)
    }
    assert.ok(files().some((file) => /^clicks\/date=2026-01-11\/p0001-e000001-\d{15}-\d{15}\.parquet$/.test(file)))
    const { rows } = await stage.db.query<{ skipped: number; days: number; files: number }>(
      `SELECT (SELECT sum(c.invalid) FROM archive_checkpoints c)::int AS skipped,
              (SELECT sum(d.row_count) FROM archive_days d)::int AS days,
              (SELECT sum(f.row_count) FROM archive_files f)::int AS files`,
    )
    assert.deepEqual(rows, [{ skipped: total - expected.length, days: expected.length, files: expected.length }])
  })

  it('writes the same to a real S3, from which the same figures are computed', async () => {
    const figuresOn = async (env: Record<string, string>) => {
      await computeArchivedDays(stage, ['2026-01-11'], env)
      const { rows } = await stage.db.query<{ figures: object }>('SELECT s.figures FROM kpi_staging s')
      return rows
    }
    const onFile = await figuresOn({})
    const names = (await named()).sort()
    const s3 = await startS3Server(stage.file('s3'))
    try {
      await stage.freshDatabase()
      const archiver = stage.startArchiver(s3.env)
      await passes(total, [archiver])
      await archiver.stop()
      const root = join(stage.file('s3'), 'buckets', 'archive', 'guardian')
      assert.deepEqual(eventDifferences(await archivedLines(stage.db, root), expected).slice(0, 5), [])
      assert.deepEqual(readdirSync(join(stage.file('s3'), 'local', 'unfinished')), [])
      assert.deepEqual(await figuresOn(s3.env), onFile)
      assert.ok(names.length > 0 && onFile.length === 1)
      const config = archiverConfig({ ...stage.env, ...s3.env })
      const storage = await openStorage(config)
      assert.deepEqual(
        (await storage.list('clicks')).sort(),
        (await named()).filter((path) => path.startsWith('clicks/')).sort(),
      )
      for (const key of await storage.list('clicks')) await storage.remove(key)
      assert.deepEqual(await storage.list('clicks'), [])
    } finally {
      await s3.stop()
    }
  })

  it(`writes every valid record once although it is killed at least ${KILLS} times`, async () => {
    await stage.freshDatabase()
    const random = new SeededRandom(41, 1)
    const group = { ARCHIVER_GROUP_ID: `killed-${process.pid}`, KAFKA_SESSION_TIMEOUT_MS: '1000' }
    const slowly = { FETCH_MAX_BYTES: '131072', FETCH_MAX_BYTES_PER_PARTITION: '32768', ARCHIVE_ROLL_RECORDS: '400' }
    let archiver = stage.startArchiver({ ...group, ...slowly })
    let orphans = 0
    const mostKills = 4 * KILLS // until one has hit the moment between a file and its row
    for (let kill = 1; kill <= KILLS || (orphans === 0 && kill <= mostKills); kill++) {
      await passes(Math.floor((total * kill) / (mostKills + 4)), [archiver])
      await sleep(random.whole(0, 60))
      await archiver.kill()
      const known = new Set(await named())
      orphans += files().filter((file) => !known.has(file)).length
      archiver = stage.startArchiver({ ...group, ...slowly })
    }
    await passes(total, [archiver])
    await archiver.stop()
    assert.deepEqual(await differences(), [])
    assert.deepEqual(files().sort(), (await named()).sort(), 'files that no row names are removed')
    assert.ok(orphans > 0, 'a kill came between a file and its row')
  })

  it('an owner that was frozen is fenced when it wakes, and names no file', async () => {
    await stage.freshDatabase()
    const group = { ARCHIVER_GROUP_ID: `frozen-${process.pid}`, KAFKA_SESSION_TIMEOUT_MS: '1000' }
    const slowly = { FETCH_MAX_BYTES: '131072', FETCH_MAX_BYTES_PER_PARTITION: '32768', ARCHIVE_ROLL_RECORDS: '400' }
    const zombie = stage.startArchiver({ ...group, ...slowly })
    await passes(total / 4, [zombie])
    zombie.freeze()
    assert.ok((await stage.archived()) < total, 'it was frozen on the way')
    const heir = stage.startArchiver(group)
    await passes(total, [heir])
    zombie.thaw()
    await sleep(1_500)
    await zombie.kill()
    await heir.stop()
    assert.deepEqual(await differences(), [])
  })

  it('whose consumer crashes says why and ends; its supervisor starts it again, and every record is there once', async () => {
    await stage.freshDatabase()
    const group = { ARCHIVER_GROUP_ID: `crashed-${process.pid}`, KAFKA_SESSION_TIMEOUT_MS: '1000' }
    const small = { FETCH_MAX_BYTES: '131072', FETCH_MAX_BYTES_PER_PARTITION: '32768' }
    const env = { ...stage.env, ...group, ...small, ARCHIVE_ROLL_RECORDS: '400', ARCHIVE_ROLL_INTERVAL_MS: '300' }
    const app = await SupervisedApp.start('archiver', env, stage.file('supervised'))
    try {
      await passes(total / 8, [app])
      const endedAt = await crashConsumer(app, stage.brokers, group.ARCHIVER_GROUP_ID, () => stage.archived())
      assert.ok(endedAt < total, 'there was work left')
      await passes(total, [app])
      await app.stop()
    } finally {
      await app.kill()
    }
    assert.deepEqual(await differences(), [])
  })
})
