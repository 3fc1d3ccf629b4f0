import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { TOPICS } from '../../../domain/events.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import type { Row, RowSettings } from '../row.js'
import { addPartitions, deleteBefore } from '../../support/topic-faults.js'
import { slowGroup } from '../trials.js'
import { differencesOf, rowKey, VerifiedLog } from '../verified-log.js'

const PARTITIONS = { before: 6, after: 12 }
const FULL = { events: 200_000, trials: 5 }
const QUICK = { events: 20_000, trials: 1 }

interface Gap {
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** What one of the faults came to. */
interface Finding {
  readonly said: string
  readonly differences: readonly string[]
}

type Fault = (stage: DetectionStage, settings: RowSettings, events: number) => Promise<Finding>

export const row: Row = {
  id: 'A16',
  fault:
    'records deleted before they were read, from a detector that is away and from one that runs; the topic made anew; partitions added',
  invariant:
    'what was deleted is recorded as a gap with its range, and the result is that of the log without it; another log is refused; no record of an added partition is passed over',
  quick: true,
  run: async (settings) => {
    const { events, trials } = settings.quick ? QUICK : FULL
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'), {
      KAFKA_PARTITIONS: String(PARTITIONS.before),
    })
    try {
      const differences: string[] = []
      let [detected, tried] = [0, 0]
      const faults: readonly Fault[] = [deletedWhileAway, deletedWhileRunning, madeAnew, partitionsAdded]
      for (let trial = 0; trial < trials; trial++)
        for (const fault of faults) {
          tried++
          await stage.freshTopics()
          const found = await fault(stage, { ...settings, seed: settings.seed + trial }, events)
          settings.say(found.said)
          if (found.differences.length === 0) detected++
          differences.push(...found.differences.map((line) => `${fault.name}: ${line}`))
        }
      return {
        held: detected === tried,
        figure: `${detected}/${tried} detected: ${faults.length} kinds × ${trials}, ${differences.length} differences`,
        configuration: { events, partitions: PARTITIONS.before, then: PARTITIONS.after },
        differences,
      }
    } finally {
      await stage.close()
    }
  },
}

const simulate = (stage: DetectionStage, events: number, seed: number, day = '2026-01-10') =>
  stage.ask(['simulate', '--day', day, '--events', String(events), '--duration', '100s', '--seed', String(seed)])

const endOf = (log: VerifiedLog, partition: number): number => log.ends.get(`${TOPICS.clicks}/${partition}`) ?? 0

async function gapsOf({ db }: DetectionStage): Promise<Gap[]> {
  const { rows } = await db.query<Gap>(
    `SELECT g.kafka_partition AS partition, g.from_offset::float8 AS from, g.to_offset::float8 AS to FROM data_gaps g
      WHERE g.topic = $1 ORDER BY 1, 2`,
    [TOPICS.clicks],
  )
  return rows
}

/** Where the checkpoints of the clicks are, by partition. */
async function storedOffsets({ db }: DetectionStage): Promise<Map<number, number>> {
  const { rows } = await db.query<{ partition: number; at: number }>(
    'SELECT c.kafka_partition AS partition, c.next_offset::float8 AS at FROM detector_checkpoints c WHERE c.topic = $1',
    [TOPICS.clicks],
  )
  return new Map(rows.map(({ partition, at }) => [partition, at]))
}

/** What is stored otherwise than the oracle says of the log without the records that the gaps claim to be missing. */
async function differencesBeside(log: VerifiedLog, gaps: readonly Gap[]): Promise<string[]> {
  const without = await log.oracleWithout(
    ({ topic, partition, offset }) =>
      topic === TOPICS.clicks &&
      gaps.some((gap) => gap.partition === partition && gap.from <= offset && offset < gap.to),
  )
  return differencesOf('row', await log.stage.rows(), without.rows, rowKey)
}

async function deletedWhileAway(stage: DetectionStage, { seed }: RowSettings, events: number): Promise<Finding> {
  await simulate(stage, events, seed)
  const log = await VerifiedLog.of(stage)
  const group = { ...slowGroup(), MAX_UNCOMMITTED_RECORDS: '1000' }
  const detector = stage.startDetector(group)
  await log.passes(log.records / 8, [detector])
  await detector.kill()
  // Where nobody has ever been, nothing is missing.
  const taken = [...(await storedOffsets(stage))].filter(([partition, at]) => at > 0 && at < endOf(log, partition))
  const [partition = -1, from = 0] = taken[new SeededRandom(seed).whole(0, taken.length - 1)] ?? []
  const to = Math.ceil((from + endOf(log, partition)) / 2)
  if (partition < 0) throw new Error('every partition was at its end: nothing is missing')
  await deleteBefore(stage.brokers, partition, to)
  await stage.finish(stage.startDetector(group), log.ends)
  const gaps = await gapsOf(stage)
  const expected = JSON.stringify([{ partition, from, to }])
  const differences = await differencesBeside(log, gaps)
  if (JSON.stringify(gaps) !== expected) differences.push(`gaps are ${JSON.stringify(gaps)}, should be ${expected}`)
  return { said: `deleted while it was away: ${from} to ${to} of partition ${partition}`, differences }
}

async function deletedWhileRunning(stage: DetectionStage, { seed }: RowSettings, events: number): Promise<Finding> {
  await simulate(stage, 3 * events, seed)
  const log = await VerifiedLog.of(stage)
  const detector = stage.startDetector({ ...slowGroup(), MAX_UNCOMMITTED_RECORDS: '1000' })
  const begun = async () => [...(await storedOffsets(stage)).values()].some((at) => at > 0)
  await waitUntil(() => detector.output, 60_000, begun, 2)
  detector.freeze() // else it might have read them before they are gone
  const offsets = await storedOffsets(stage)
  const [partition = -1, stored = 0] = [...offsets].filter(([, at]) => at > 0).sort(([, a], [, b]) => a - b)[0] ?? []
  const to = Math.floor(endOf(log, partition) * 0.95)
  if (partition < 0 || stored >= to) throw new Error(`it was frozen when there was no work left: ${stored} of ${to}`)
  await deleteBefore(stage.brokers, partition, to)
  detector.thaw()
  await stage.finish(detector, log.ends)
  const gaps = await gapsOf(stage)
  const differences = await differencesBeside(log, gaps)
  const [gap] = gaps
  if (gaps.length !== 1 || gap?.partition !== partition || gap.to !== to || gap.from < stored || gap.from >= to)
    differences.push(`gaps are ${JSON.stringify(gaps)}, should be one of partition ${partition} up to ${to}`)
  return { said: `deleted while it ran: ${String(gap?.from)} to ${to} of partition ${partition}`, differences }
}

async function madeAnew(stage: DetectionStage, { seed }: RowSettings, events: number): Promise<Finding> {
  await simulate(stage, events / 2, seed)
  const before = await VerifiedLog.of(stage)
  const group = slowGroup()
  await stage.finish(stage.startDetector(group), before.ends)
  const rows = JSON.stringify(await stage.rows())
  const differences = await before.differences()
  for (const [size, count] of [
    ['shorter', events / 8],
    ['longer', events],
  ] as const) {
    await stage.recreateTopics()
    await simulate(stage, count, seed + 1, '2026-01-12')
    const detector = stage.startDetector(group)
    await waitUntil(
      () => `it ends: ${detector.output}`,
      60_000,
      () => Promise.resolve(!detector.isRunning),
    )
    if ((await detector.exited) !== 1) differences.push(`on a ${size} log it did not end with code 1`)
    if (detector.says('recreated') === 0) differences.push(`on a ${size} log it does not say why it ends`)
    if (JSON.stringify(await stage.rows()) !== rows) differences.push(`on a ${size} log it has changed rows`)
  }
  // What it says is to be done, is done; then it goes on.
  await stage.db.query('DELETE FROM detector_state_pieces')
  await stage.db.query('DELETE FROM detector_checkpoints')
  const anew = await VerifiedLog.of(stage)
  await stage.finish(stage.startDetector(group), anew.ends)
  const found = await stage.rows()
  const day = Date.parse('2026-01-12')
  const ofNewDay = found.filter(({ window_start }) => window_start >= day - 300_000)
  differences.push(...differencesOf('row of the new log', ofNewDay, anew.oracle.rows, rowKey))
  return { said: 'made anew, shorter and longer: refused; once its checkpoints were deleted it went on', differences }
}

async function partitionsAdded(stage: DetectionStage, { seed }: RowSettings, events: number): Promise<Finding> {
  await simulate(stage, events / 2, seed)
  const group = slowGroup()
  const first = stage.startDetector(group)
  const before = await stage.logEnds()
  await stage.finish(first, before)
  await addPartitions(stage.brokers, PARTITIONS.after)
  await simulate(stage, events, seed + 1, '2026-01-12')
  const log = await VerifiedLog.of(stage)
  if (log.ends.size !== 2 * PARTITIONS.after) throw new Error(`the log has ${log.ends.size} partitions`)
  await stage.finish(stage.startDetector(group), log.ends)
  const differences = await log.differences()
  const gaps = await gapsOf(stage)
  if (gaps.length > 0) differences.push(`gaps: ${JSON.stringify(gaps)}`)
  return {
    said: `${PARTITIONS.before} partitions, then ${PARTITIONS.after}: ${log.records} records decided`,
    differences,
  }
}
