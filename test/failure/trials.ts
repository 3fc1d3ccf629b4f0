import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { SLOWLY, type VerifiedLog } from './verified-log.js'

/** A fault comes so long after its offset was passed, at most: not only just after a checkpoint, and not after the end. */
const LONGEST_AIM_MS = 120
const AIM_MS_PER_RECORD = 0.001
const aim = (random: SeededRandom, records: number): Promise<void> =>
  sleep(random.whole(0, Math.min(LONGEST_AIM_MS, Math.ceil(records * AIM_MS_PER_RECORD))))

/** The fault came when everything had been decided: it has proven nothing. */
class NoWorkLeft extends Error {
  override readonly name = 'NoWorkLeft'
}

const MOST_ATTEMPTS = 5

/** Makes a trial whose fault may come too late once more, with other choices, until it comes in time. */
async function inTime<T>(trial: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await trial()
    } catch (error) {
      if (!(error instanceof NoWorkLeft) || attempt >= MOST_ATTEMPTS) throw error
    }
  }
}

/** Whole numbers in order, at each of which a fault is to come: early enough that there is work left. */
export const faultOffsets = (random: SeededRandom, count: number, records: number): number[] =>
  Array.from({ length: count }, () => random.whole(Math.floor(records / 50), Math.floor(records * 0.8))).sort(
    (a, b) => a - b,
  )

/** Settings of detectors that share one group, slow enough to be disturbed. */
export const slowGroup = (): Record<string, string> => ({ ...SLOWLY, DETECTOR_GROUP_ID: `row-${randomUUID()}` })

const FEWEST_UNCOMMITTED = 1_000

/** As `slowGroup`, and never further ahead of its checkpoints than such a part of the log: not every fault is at the first or after the last. */
const oftenStored = (records: number, parts: number): Record<string, string> => ({
  ...slowGroup(),
  MAX_UNCOMMITTED_RECORDS: String(Math.max(FEWEST_UNCOMMITTED, Math.ceil(records / parts))),
})

/** Decides the log from an empty database with so many processes at once. @returns seconds from their start on */
export async function plainTrial(
  log: VerifiedLog,
  workers = 1,
  settings: Record<string, string> = {},
  root?: string,
): Promise<number> {
  await log.stage.freshDatabase()
  const startedAt = performance.now()
  const group = { DETECTOR_GROUP_ID: `row-${randomUUID()}`, ...settings }
  const detectors = Array.from({ length: workers }, () => log.stage.startDetector(group, root))
  await log.passes(log.records, detectors, 600_000)
  const seconds = (performance.now() - startedAt) / 1_000
  for (const detector of detectors) await detector.stop()
  return seconds
}

/**
 * Decides the log from an empty database and kills the process at offsets on its way.
 * @returns what was aimed at, and what checkpoints had passed when it was dead
 * @throws when kills come with no work left, however often it is tried
 */
export const killedTrial = (log: VerifiedLog, random: SeededRandom, kills: number, root?: string): Promise<string[]> =>
  inTime(() => killOnTheWay(log, random, kills, root))

async function killOnTheWay(
  log: VerifiedLog,
  random: SeededRandom,
  kills: number,
  root: string | undefined,
): Promise<string[]> {
  const { stage, records } = log
  await stage.freshDatabase()
  const settings = oftenStored(records, 50)
  const killedAt: string[] = []
  let detector = stage.startDetector(settings, root)
  let stored = 0
  for (const offset of faultOffsets(random, kills, records)) {
    // One that is killed before it has gone on from what was stored is the same trial once more.
    await log.passes(Math.max(offset, stored + 1), [detector])
    await aim(random, records)
    await detector.kill()
    stored = await stage.processed()
    if (stored >= records) throw new NoWorkLeft('the kill came when there was no work left')
    killedAt.push(`${offset} (stored ${stored})`)
    detector = stage.startDetector(settings, root)
  }
  await stage.finish(detector, log.ends, 300_000)
  return killedAt
}

export interface FrozenTrial {
  readonly frozenAt: number
  /** Commits of the process that was frozen, refused because their epoch was over. */
  readonly fenced: number
  /** What it did change: where partitions stood that another one had decided to their end. */
  readonly overwritten: readonly string[]
}

/**
 * Freezes the owner on its way until another process has decided the rest, and lets it go on.
 * @throws when it is frozen with no work left, however often it is tried
 */
export const frozenTrial = (log: VerifiedLog, random: SeededRandom, root?: string): Promise<FrozenTrial> =>
  inTime(() => freezeOnTheWay(log, random, root))

async function freezeOnTheWay(log: VerifiedLog, random: SeededRandom, root: string | undefined): Promise<FrozenTrial> {
  const { stage, records } = log
  await stage.freshDatabase()
  // Further ahead than in other trials: it is to have decided something that is not stored, and to commit it when it wakes.
  const settings = oftenStored(records, 5)
  const zombie = stage.startDetector(settings, root)
  const [offset = 0] = faultOffsets(random, 1, records * 0.6)
  await log.passes(offset, [zombie])
  await aim(random, records)
  zombie.freeze()
  const frozenAt = await stage.processed()
  if (frozenAt >= records) {
    await zombie.kill()
    throw new NoWorkLeft('it was frozen when there was no work left')
  }
  const heir = stage.startDetector(settings, root)
  await log.passes(records, [heir], 180_000)
  const decided = await stage.positions()
  zombie.thaw()
  const lost = await saysWithin(zombie, 'partition_lost', 15_000)
  await sleep(500) // the other partitions are lost in the same moments
  const fenced = lost ? zombie.says('"partition_lost"') : 0
  const after = new Set(await stage.positions())
  const overwritten = decided.filter((position) => !after.has(position))
  await heir.stop()
  await endZombie(zombie)
  return { frozenAt, fenced, overwritten }
}

/** Its requests to Kafka are older than they may be when it wakes; kafkajs may end it for that, and a supervisor would start it again. */
async function endZombie(zombie: ServiceProcess): Promise<void> {
  await zombie.stop().catch((error: unknown) => {
    if (zombie.says('KafkaJSRequestTimeoutError') === 0) throw error
  })
}

/** Whether a process says something in its log in time. */
export async function saysWithin(detector: ServiceProcess, text: string, deadlineMs: number): Promise<boolean> {
  try {
    await waitUntil(
      () => text,
      deadlineMs,
      () => Promise.resolve(detector.says(text) > 0),
    )
    return true
  } catch {
    return false // the caller says what follows from it
  }
}

/**
 * Lets a copy of the product crash at the point that is in it, and the product itself decide the rest.
 * @param after how often the point is reached before
 * @param stopAt chooses where on its way it is told to stop; it is not when nothing chooses
 * @returns records that were behind a checkpoint then
 * @throws when the point was not reached
 */
export async function crashTrial(
  log: VerifiedLog,
  after: number,
  root: string,
  stopAt?: SeededRandom,
): Promise<number> {
  const { stage, records } = log
  await stage.freshDatabase()
  const settings = oftenStored(records, 50)
  const crashing = stage.startDetector({ ...settings, CRASH_AFTER: String(after) }, root)
  if (stopAt) {
    const [offset = 0] = faultOffsets(stopAt, 1, records * 0.6)
    // One that has decided nothing has nothing to commit when it is told to stop, and ends without coming to the point.
    await log.passes(Math.max(1, offset), [crashing])
    void crashing.stop().catch(() => undefined) // it crashes while it stops
  }
  await waitUntil(
    () => `the crash point is reached ${after} times:\n${crashing.output}`,
    60_000,
    () => Promise.resolve(!crashing.isRunning),
  )
  const code = await crashing.exited
  if (code !== null) throw new Error(`it ended by itself with code ${code}:\n${crashing.output}`)
  const stored = await stage.processed()
  if (stored >= records) throw new Error('the crash came when there was no work left')
  await stage.finish(stage.startDetector(settings), log.ends)
  return stored
}
