import { randomUUID } from 'node:crypto'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { TOPICS } from '../../../domain/events.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { waitUntil } from '../../support/child-process.js'
import { bombs, sendBombs, type Placed } from '../bombs.js'
import { readLetters } from '../dead-letters.js'
import { watchLoop } from '../event-loop.js'
import { withoutOffsets } from '../results.js'
import type { Row, RowSettings } from '../row.js'

const PARTITIONS = 4
const MAX_BATCH_RECORDS = 10_000
const MOST_STALL_MS = 250
/** What else the machine does can only hold a loop up for longer: of so many drains the shortest stall is the product's. */
const MOST_DRAINS = 3
const MOST_PEAK_BYTES = 1_073_741_824
/** A batch of more offsets has one dead letter for all. */
const LETTERS_OF_A_BATCH = 10_000

export const row: Row = {
  id: 'A12',
  fault:
    'batches that unpack to 300 MiB or to more records than may be (gzip, zstd, lz4, snappy), records too large for any topic',
  invariant:
    'each is set aside with its offsets; other results unchanged; bounded memory; no stall over 250 ms, or over the longest without bombs',
  quick: true,
  run: async (settings) => {
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    try {
      return await measure(stage, settings)
    } finally {
      await stage.close()
    }
  },
}

async function measure(stage: DetectionStage, settings: RowSettings) {
  const events = settings.quick ? 20_000 : 200_000
  const day = (name: string) =>
    stage.ask([
      ...['simulate', '--day', name, '--events', String(events), '--duration', `${events / 200}s`],
      ...['--seed', String(settings.seed)],
    ])
  await day('2026-01-10')
  await day('2026-01-11')
  const calm = await drain(stage)
  settings.say('drained without bombs')
  const expected = withoutOffsets(await stage.rows())
  await stage.freshTopics()
  await day('2026-01-10')
  const placed = await sendBombs(stage.brokers, bombs(), PARTITIONS)
  await day('2026-01-11')
  settings.say(`${placed.length} bombs are in the log`)
  const limitMs = Math.max(MOST_STALL_MS, calm.stallMs)
  const drains: Drain[] = []
  while (drains.length < MOST_DRAINS && !drains.some(({ stallMs }) => stallMs <= limitMs)) {
    await stage.freshDatabase()
    drains.push(await drain(stage))
    settings.say(`drained with bombs, stood still for at most ${Math.round(drains.at(-1)?.stallMs ?? 0)} ms`)
  }
  const bombed = {
    peakBytes: Math.max(...drains.map(({ peakBytes }) => peakBytes)),
    stallMs: Math.min(...drains.map(({ stallMs }) => stallMs)),
  }
  const differences = withoutOffsets(await stage.rows()).filter((line, i) => line !== expected[i])
  differences.push(...(await unaccounted(stage, placed)))
  const { letters } = await readLetters(stage.brokers)
  const kills = settings.quick ? 3 : 20
  await drainWithKills(stage, settings, kills)
  if (JSON.stringify(withoutOffsets(await stage.rows())) !== JSON.stringify(expected))
    differences.push('rows differ after kills')
  differences.push(...(await unaccounted(stage, placed)).map((line) => `after kills: ${line}`))
  const after = await readLetters(stage.brokers)
  if (after.letters.size !== letters.size)
    differences.push(`${letters.size} letters, ${after.letters.size} after kills`)
  if (bombed.peakBytes > MOST_PEAK_BYTES) differences.push(`${bombed.peakBytes} bytes of memory`)
  if (bombed.stallMs > limitMs) differences.push(`the event loop stood still for ${bombed.stallMs} ms`)
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`
  return {
    held: differences.length === 0 && expected.length > 0,
    figure:
      `${placed.length}/${placed.length} bombs accounted for offset by offset, ${kills} kills during a second drain, ${expected.length} anomalies as without; ` +
      `RSS peak ${mb(bombed.peakBytes)} (${mb(calm.peakBytes)} without bombs), loop stall p100 ${Math.round(bombed.stallMs)} ms, the shortest of ${drains.length} (${Math.round(calm.stallMs)} ms without)`,
    configuration: { records: 2 * events, partitions: PARTITIONS, unpackedCapMiB: 64, recordsCap: MAX_BATCH_RECORDS },
    differences,
  }
}

/** The most memory, and the longest pause. */
interface Drain {
  readonly peakBytes: number
  readonly stallMs: number
}

/** @returns what a detector needed that takes the whole log */
async function drain(stage: DetectionStage): Promise<Drain> {
  const watch = await watchLoop()
  const detector = stage.startDetector({
    DETECTOR_METRICS_PORT: watch.port,
    FETCH_MAX_BATCH_RECORDS: String(MAX_BATCH_RECORDS),
  })
  const total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
  await waitUntil(
    () => detector.output,
    300_000,
    async () => {
      if (!detector.isRunning) throw new Error(`the detector has ended:\n${detector.output}`)
      return (await stage.processed()) >= total
    },
  )
  const peakBytes = detector.peakBytes()
  const stallMs = await watch.stop()
  await detector.stop()
  return { peakBytes, stallMs }
}

async function drainWithKills(stage: DetectionStage, settings: RowSettings, kills: number): Promise<void> {
  const random = new SeededRandom(settings.seed)
  const total = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
  await stage.freshDatabase()
  const env = {
    DETECTOR_GROUP_ID: `bombs-${randomUUID()}`,
    KAFKA_SESSION_TIMEOUT_MS: '2000',
    FETCH_MAX_BATCH_RECORDS: String(MAX_BATCH_RECORDS),
  }
  let detector = stage.startDetector(env)
  for (let kill = 0; kill < kills; kill++) {
    // At places spread over the log, and not only just after a checkpoint.
    const place = Math.floor(((kill + 1) / (kills + 2)) * total)
    await waitUntil(
      () => detector.output,
      120_000,
      async () => (await stage.processed()) >= place,
      2,
    )
    await new Promise((resolve) => setTimeout(resolve, random.whole(0, 120)))
    settings.say(`kill ${kill + 1} of ${kills}: ${await stage.processed()} records are stored`)
    await detector.kill()
    detector = stage.startDetector(env)
  }
  await stage.finish(detector, await stage.logEnds(), 300_000)
}

/** What is not as it must be: a range in data_gaps for each batch set aside, a dead letter for each offset. */
async function unaccounted(stage: DetectionStage, placed: readonly Placed[]): Promise<string[]> {
  const lines: string[] = []
  const { letters } = await readLetters(stage.brokers)
  const { rows } = await stage.db.query<{ place: string }>(
    `SELECT g.kafka_partition || ':' || g.from_offset || '-' || g.to_offset || ' ' || g.cause AS place FROM data_gaps g`,
  )
  const gaps = new Set(rows.map(({ place }) => place))
  for (const { bomb, partition, offset } of placed) {
    const place = `${partition}:${offset}-${offset + bomb.records} ${bomb.fate}`
    if (gaps.has(place) !== (bomb.fate === 'too_large')) lines.push(`${bomb.name}: the gap ${place} is wrong`)
    const isWhole = bomb.fate === 'too_large' && bomb.records > LETTERS_OF_A_BATCH
    for (let i = 0; i < (isWhole ? 1 : bomb.records); i++)
      if (!letters.has(`${TOPICS.clicks}/${partition}/${offset + i}`)) lines.push(`${bomb.name}: no letter for ${i}`)
  }
  const ends = await stage.logEnds()
  for (const { topic, partition, accepted, duplicate, late, dead } of await stage.fates())
    if (accepted + duplicate + late + dead !== ends.get(`${topic}/${partition}`))
      lines.push(`${topic}/${partition}: the fates do not add up to the log`)
  return lines
}
