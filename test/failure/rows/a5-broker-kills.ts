import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { TOPICS } from '../../../domain/events.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { quorumLeader } from '../../support/quorum-leader.js'
import { startThreeBrokers, type ThreeBrokers } from '../../support/three-brokers.js'
import { PacedLoad, type LoadResult } from '../paced-load.js'
import type { Row, RowOutcome, RowSettings } from '../row.js'

const PARTITIONS = 6
const RATE = 5_000
/** A fault comes at an offset, not at a second: after so many more are acknowledged, at random. */
const FULL = { kills: 10, least: 5_000, most: 25_000 }
/** A leader and a controller. */
const QUICK = { kills: 2, least: 5_000, most: 10_000 }
/** Acknowledged by the two that are left before the third is started again. */
const WITHOUT_IT = 5_000
const FROZEN_MS = 20_000

type Target = 'leader' | 'controller' | 'any'

/** Brokers die under the project's producer, and what it was told is counted in the log and by the detector. */
export const row: Row = {
  id: 'A5',
  fault: '`kill -9` of brokers under load, leaders and controllers among them, and one frozen for 20 s (full run)',
  invariant: 'every acknowledged click is in the log, and the detector counts each once',
  quick: true,
  run: async (settings) => {
    const cluster = await startThreeBrokers('postgres', 'registry')
    try {
      const { databaseUrl = '', kafkaBrokers = '', schemaRegistryUrl = '' } = cluster.servers
      const stage = await DetectionStage.open(
        { databaseUrl, kafkaBrokers, schemaRegistryUrl },
        {
          KAFKA_REPLICATION_FACTOR: '3',
          KAFKA_MIN_INSYNC_REPLICAS: '2',
          KAFKA_PARTITIONS: String(PARTITIONS),
        },
      )
      try {
        return await measure(cluster, stage, settings)
      } finally {
        await stage.close()
      }
    } finally {
      await cluster.stop()
    }
  },
}

async function measure(cluster: ThreeBrokers, stage: DetectionStage, settings: RowSettings): Promise<RowOutcome> {
  const { kills } = settings.quick ? QUICK : FULL
  const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
  const schemaId = schemas.find(({ subject }) => subject === `${TOPICS.clicks}-value`)?.id ?? 0
  const load = await PacedLoad.start(cluster.addresses, schemaId, RATE)
  const killed = await killBrokers(cluster, load, kills, settings)
  if (!settings.quick) await freezeLeader(cluster, load, settings)
  const result = await load.settle(cluster.addresses)
  settings.say(JSON.stringify(result))
  const counted = await countByDetector(stage)
  settings.say(`the detector: ${JSON.stringify(counted)}`)
  const differences = differencesOf(result, counted)
  const { acknowledged, failed, lost, duplicated } = result
  return {
    held: differences.length === 0,
    figure:
      `${kills} kills (${killed.join(', ')}): ${lost} of ${acknowledged} acknowledged lost, ${failed} failed; ` +
      `${duplicated} duplicates in the log, ${counted.accepted - result.distinct} counted after deduplication`,
    configuration: {
      brokers: 3,
      replication: 3,
      minInsync: 2,
      partitions: PARTITIONS,
      offeredPerSecond: RATE,
      acknowledgedPerSecond: result.rate,
      longestStallMs: result.longestStallMs,
    },
    differences,
  }
}

/** @returns how often which kind of broker was killed */
async function killBrokers(
  cluster: ThreeBrokers,
  load: PacedLoad,
  kills: number,
  settings: RowSettings,
): Promise<string[]> {
  const random = new SeededRandom(settings.seed)
  const { least, most } = settings.quick ? QUICK : FULL
  const counts = { leader: 0, controller: 0, any: 0 }
  for (let kill = 0; kill < kills; kill++) {
    await acknowledgedMore(load, random.whole(least, most))
    const target = (['leader', 'controller', 'any'] as const)[kill % 3] ?? 'any'
    const id = await choose(cluster, target, random)
    const at = load.acknowledged
    cluster.broker(id).kill('SIGKILL')
    await cluster.broker(id).exited
    counts[target]++
    await acknowledgedMore(load, WITHOUT_IT)
    await cluster.broker(id).restart()
    await cluster.inSync()
    settings.say(`killed broker ${id} (${target}) at ${at} acknowledged; in sync again at ${load.acknowledged}`)
  }
  return Object.entries(counts).map(([target, count]) => `${count} ${target}`)
}

async function freezeLeader(cluster: ThreeBrokers, load: PacedLoad, settings: RowSettings): Promise<void> {
  const random = new SeededRandom(settings.seed + 1)
  await acknowledgedMore(load, random.whole(FULL.least, FULL.most))
  const id = await choose(cluster, 'leader', random)
  const at = load.acknowledged
  cluster.broker(id).kill('SIGSTOP')
  await sleep(FROZEN_MS)
  cluster.broker(id).kill('SIGCONT')
  await cluster.inSync()
  await acknowledgedMore(load, WITHOUT_IT)
  settings.say(
    `froze broker ${id} for ${FROZEN_MS / 1_000} s at ${at} acknowledged; in sync again at ${load.acknowledged}`,
  )
}

async function choose(cluster: ThreeBrokers, target: Target, random: SeededRandom): Promise<number> {
  if (target === 'controller') return quorumLeader(cluster.addresses[0] ?? '')
  if (target === 'any') return random.whole(1, 3)
  const leaders = await cluster.leadersOf(TOPICS.clicks)
  return leaders[random.whole(0, leaders.length - 1)] ?? 1
}

function acknowledgedMore(load: PacedLoad, count: number): Promise<void> {
  const until = load.acknowledged + count
  const what = () => `${until} clicks acknowledged, ${load.acknowledged} are`
  return waitUntil(what, 120_000, () => Promise.resolve(load.acknowledged >= until), 20)
}

interface Counted {
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
}

/** Runs the detector over the whole log. */
async function countByDetector(stage: DetectionStage): Promise<Counted> {
  await stage.finish(stage.startDetector(), await stage.logEnds(), 300_000)
  const clicks = (await stage.fates()).filter(({ topic }) => topic === TOPICS.clicks)
  const sum = (fate: keyof Counted) => clicks.reduce((total, fates) => total + fates[fate], 0)
  return { accepted: sum('accepted'), duplicate: sum('duplicate'), late: sum('late'), dead: sum('dead') }
}

function differencesOf({ lost, failed, distinct, duplicated }: LoadResult, counted: Counted): string[] {
  const differences: string[] = []
  if (lost > 0) differences.push(`${lost} acknowledged clicks are not in the log`)
  if (failed > 0) differences.push(`${failed} clicks failed`)
  if (counted.accepted !== distinct) differences.push(`${distinct} clicks in the log, ${counted.accepted} counted`)
  if (counted.dead > 0) differences.push(`${counted.dead} clicks became dead letters`)
  // A copy can come so long after the first that it is late instead of a duplicate; it is not counted either way.
  if (counted.duplicate + counted.late !== duplicated)
    differences.push(`${duplicated} copies in the log, ${counted.duplicate + counted.late} dropped by the detector`)
  return differences
}
