import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { TOPICS } from '../../../domain/events.js'
import { archivedLines, eventDifferences, validLines } from '../../support/archive-rows.js'
import { waitUntil, type ServiceProcess } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { dumpTopics } from '../../support/dump-topic.js'
import { testStack } from '../../support/stack.js'
import type { Row, RowSettings } from '../row.js'

const FULL = { events: 200_000, kills: 50 }
const QUICK = { events: 60_000, kills: 10 }

/** Small fetches and rolls, so that there are many files to be killed in. */
const slowly = (): Record<string, string> => ({
  ARCHIVER_GROUP_ID: `row-${randomUUID()}`,
  KAFKA_SESSION_TIMEOUT_MS: '1000',
  FETCH_MAX_BYTES: '131072',
  FETCH_MAX_BYTES_PER_PARTITION: '32768',
  ARCHIVE_ROLL_RECORDS: '400',
})

async function killedArchive(
  stage: DetectionStage,
  total: number,
  kills: number,
  { seed, say }: RowSettings,
): Promise<void> {
  const random = new SeededRandom(seed, 20)
  const settings = slowly()
  const passes = (records: number, archiver: ServiceProcess) =>
    waitUntil(
      () => archiver.output,
      120_000,
      async () => (await stage.archived()) >= records,
      20,
    )
  let archiver = stage.startArchiver(settings)
  for (let kill = 1; kill <= kills; kill++) {
    await passes(Math.floor((total * 0.9 * kill) / kills), archiver)
    await sleep(random.whole(0, 80))
    await archiver.kill()
    if (kill % 10 === 0) say(`${kill} kills, ${await stage.archived()} of ${total} records archived`)
    archiver = stage.startArchiver(settings)
  }
  await passes(total, archiver)
  await archiver.stop()
}

export const row: Row = {
  id: 'A20',
  fault: '`kill -9` of the archiver while it writes Parquet',
  invariant: 'every valid record is in exactly one row of the files that the manifest names, with all its fields',
  quick: true,
  run: async (settings) => {
    const { events, kills } = settings.quick ? QUICK : FULL
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    try {
      await stage.ask(['simulate', '--day', '2026-01-10', '--events', String(events), '--seed', String(settings.seed)])
      const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
      const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
      const dump = stage.file('dump.jsonl')
      await dumpTopics(dump, stage.brokers, [TOPICS.clicks, TOPICS.purchases])
      const expected = validLines(dump, { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' })
      const total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
      await killedArchive(stage, total, kills, settings)
      const found = await archivedLines(stage.db, stage.archiveFolder)
      const differences = eventDifferences(found, expected)
      const { rows } = await stage.db.query<{ files: number }>('SELECT count(*)::int AS files FROM archive_files')
      return {
        held: differences.length === 0,
        figure: `${kills} kills, ${found.length} rows for ${expected.length} valid records, ${differences.length} differences`,
        configuration: { records: total, files: rows[0]?.files ?? 0, rollRecords: 400 },
        differences,
      }
    } finally {
      await stage.close()
    }
  },
}
