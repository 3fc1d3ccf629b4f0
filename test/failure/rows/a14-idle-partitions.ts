import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { tickValue } from '../../../domain/detection/tick.js'
import { TOPICS } from '../../../domain/events.js'
import type { OutgoingRecord } from '../../../platform/kafka/producer.js'
import { waitUntil, type ServiceProcess } from '../../support/child-process.js'
import type { DetectionStage } from '../../support/detection-stage.js'
import type { LogMaker } from '../made-log.js'
import { withMadeLog } from '../made-log.js'
import type { Row, RowSettings } from '../row.js'
import { slowGroup } from '../trials.js'
import { VerifiedLog } from '../verified-log.js'

const LATENESS_MS = 1_000
const TICK_MS = 500
/** Behind the last event, the window of ten seconds ends within ten, and those of a minute within sixty; with lateness and ticks. */
const MARGIN_MS = LATENESS_MS + TICK_MS + 5_000
/** With rounds enough that windows of the partitions that have traffic close. Quick: only the short windows end in time. */
const FULL = { endsWithinMs: 60_000, rule: '', backlog: 400_000, rounds: 12 }
const QUICK = { endsWithinMs: 10_000, rule: 'HIGH_FREQUENCY', backlog: 20_000, rounds: 8 }
const PARTITIONS = 4
/** The one that always has traffic. */
const BUSY = 0
/** The one that gets far behind in the second part. */
const SLOW = 1
/** Event time of one round of traffic; sessions of 60 clicks in it cross both rules. */
const ROUND_MS = 10_000
const SESSIONS_A_ROUND = 5
const CLICKS_OF_SESSION = 130

export const row: Row = {
  id: 'A14',
  fault: 'one partition idle, then all but one, then data again; ticks of others; a partition that lags far behind',
  invariant:
    'windows of an idle partition become final within the stated time, by ticks in its own log: the log alone gives the same rows again, whoever else writes ticks; a partition that is behind gets none; then the log does not grow',
  quick: true,
  run: async (settings) => {
    const sizes = settings.quick ? QUICK : FULL
    return withMadeLog(
      async (stage, maker) => {
        const traffic = new Traffic(maker, settings.seed)
        const detector = stage.startDetector(TICKING)
        const idle = await idlePartitions(stage, traffic, detector, sizes, settings)
        await detector.stop()
        const lagging = await laggingPartition(stage, traffic, sizes, settings)
        const differences = [...idle.differences, ...lagging.differences]
        return {
          held: differences.length === 0,
          figure:
            `${idle.closed} windows of idle partitions final ${(idle.slowestMs / 1_000).toFixed(1)} s after the last event at the latest, by ${idle.ticks} ticks and ${FORGED} of others; ` +
            `the same rows from the log alone; ${lagging.most} records behind: ${lagging.early} ticks; ${differences.length} differences`,
          configuration: { records: lagging.records, partitions: PARTITIONS, latenessMs: LATENESS_MS, tickMs: TICK_MS },
          differences,
        }
      },
      {
        ALLOWED_LATENESS_MS: String(LATENESS_MS),
      },
    )
  },
}

/** Rounds of sessions on chosen partitions, each partition with an event time of its own. */
class Traffic {
  readonly #maker: LogMaker
  readonly #random: SeededRandom
  readonly #startMs = Math.floor((Date.now() - 86_400_000) / ROUND_MS) * ROUND_MS
  readonly #rounds = new Array<number>(PARTITIONS).fill(0)
  #sessions = 0

  constructor(maker: LogMaker, seed: number) {
    this.#maker = maker
    this.#random = new SeededRandom(seed)
  }

  /** The next ten seconds of event time of each of these partitions. */
  async round(...partitions: number[]): Promise<void> {
    for (const partition of partitions) await this.#maker.send(this.#roundOf(partition))
  }

  /** Lets event time pass without events, as it does in a shop: at least as much as has passed here. */
  pass(elapsedMs: number): void {
    for (const partition of ALL)
      this.#rounds[partition] = (this.#rounds[partition] ?? 0) + 1 + Math.ceil(elapsedMs / ROUND_MS)
  }

  /** Ticks of somebody else, of any time up to where the partition goes on. */
  async forgedTicks(partition: number, count: number): Promise<void> {
    const reachedMs = this.#startMs + (this.#rounds[partition] ?? 0) * ROUND_MS
    const value = () => Buffer.from(tickValue(reachedMs - this.#random.whole(0, 86_400_000)))
    await this.#maker.send(
      Array.from({ length: count }, () => ({ topic: TOPICS.clicks, partition, key: null, value: value() })),
    )
  }

  *#roundOf(partition: number): Generator<OutgoingRecord> {
    const round = this.#rounds[partition] ?? 0
    this.#rounds[partition] = round + 1
    const fromMs = this.#startMs + round * ROUND_MS
    const first = this.#sessions
    this.#sessions += SESSIONS_A_ROUND
    for (let n = 0; n < CLICKS_OF_SESSION; n++)
      for (let session = first; session < this.#sessions; session++)
        yield this.#click(partition, `s-${session}`, fromMs + Math.floor((n * ROUND_MS) / CLICKS_OF_SESSION))
    yield this.#click(partition, `last-${partition}`, fromMs + ROUND_MS - 1)
  }

  #click(partition: number, session_id: string, event_ts: number): OutgoingRecord {
    const item_id = `item-${this.#random.whole(1, 3)}`
    return this.#maker.click({ event_id: this.#random.uuid(), session_id, event_ts, item_id }, partition)
  }
}

interface IdleResult {
  /** Windows of idle partitions that were open when the events ended. */
  readonly closed: number
  /** How long the last of them took. */
  readonly slowestMs: number
  readonly ticks: number
  readonly differences: string[]
}

const ALL = [0, 1, 2, 3]
const FORGED = 200
const TICKING = { IDLE_TICK_INTERVAL_MS: String(TICK_MS) }

async function idlePartitions(
  stage: DetectionStage,
  traffic: Traffic,
  detector: ServiceProcess,
  sizes: typeof FULL,
  { say }: RowSettings,
): Promise<IdleResult> {
  const differences: string[] = []
  let [closed, slowestMs] = [0, 0]
  for (const idle of [[3], [1, 2, 3]]) {
    const busy = ALL.filter((partition) => !idle.includes(partition))
    await traffic.round(...ALL)
    const endedAt = performance.now()
    // The others go on, slower than their event time does.
    const going = (async () => {
      for (let round = 0; round < sizes.rounds; round++) {
        await traffic.round(...busy)
        await sleep(250)
      }
    })()
    closed += await allClose(stage, idle, sizes, differences)
    slowestMs = Math.max(slowestMs, performance.now() - endedAt)
    await going
    traffic.pass(performance.now() - endedAt)
    say(`${idle.length} of ${PARTITIONS} partitions idle: their windows were final after ${Math.round(slowestMs)} ms`)
  }
  for (const partition of ALL) await traffic.forgedTicks(partition, FORGED / ALL.length)
  await allClose(stage, ALL, sizes, differences)
  const log = await settled(stage, detector)
  differences.push(...(await log.differences()).map((line) => `ticked: ${line}`))
  if (log.oracle.late.length > 0) differences.push(`${log.oracle.late.length} records are late`)
  await sleep(4 * TICK_MS)
  if (sizes.rule === '' && (await recordsIn(stage)) !== log.records) differences.push('an idle log grows')
  await detector.stop()
  await stage.freshDatabase()
  const again = stage.startDetector(slowGroup())
  await stage.finish(again, log.ends)
  differences.push(...(await log.differences()).map((line) => `decided again: ${line}`))
  const written = await stage.ticks()
  return { closed, slowestMs, ticks: written.length - FORGED, differences }
}

/** Waits until the windows of partitions are final, for as long as may be. @returns how many were open */
async function allClose(
  stage: DetectionStage,
  partitions: readonly number[],
  { endsWithinMs, rule }: typeof FULL,
  differences: string[],
): Promise<number> {
  let most = 0
  await waitUntil(
    () => 'all windows are final',
    endsWithinMs + MARGIN_MS,
    async () => {
      const open = await openWindows(stage, partitions, rule)
      most = Math.max(most, open)
      return open === 0 && most > 0
    },
    50,
  ).catch(() => differences.push(`windows of partitions ${partitions.join(', ')} are not final in the stated time`))
  return most
}

/** The log, when nothing is written to it while it is dumped, and all of it is decided. */
async function settled(stage: DetectionStage, detector: ServiceProcess): Promise<VerifiedLog> {
  for (;;) {
    const log = await VerifiedLog.of(stage, { latenessMs: LATENESS_MS })
    await log.passes(log.records, [detector])
    await sleep(4 * TICK_MS)
    if ((await recordsIn(stage)) === log.records) return log
  }
}

const recordsIn = async (stage: DetectionStage): Promise<number> =>
  [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)

async function laggingPartition(
  stage: DetectionStage,
  traffic: Traffic,
  { backlog, rounds }: typeof FULL,
  { say }: RowSettings,
) {
  await stage.freshDatabase()
  const firstOfBacklog = (await stage.logEnds()).get(`${TOPICS.clicks}/${SLOW}`) ?? 0
  const perRound = SESSIONS_A_ROUND * CLICKS_OF_SESSION + 1
  for (let sent = 0; sent < backlog; sent += perRound) await traffic.round(SLOW)
  for (let round = 0; round < rounds; round++) await traffic.round(BUSY, 2, 3)
  const log = await VerifiedLog.of(stage, { latenessMs: LATENESS_MS })
  const end = log.ends.get(`${TOPICS.clicks}/${SLOW}`) ?? 0
  const detector = stage.startDetector({ ...slowGroup(), ...TICKING, MAX_UNCOMMITTED_RECORDS: '1000' })
  let most = 0
  await waitUntil(
    () => detector.output,
    300_000,
    async () => {
      if (!detector.isRunning) throw new Error(`the detector has ended:\n${detector.output}`)
      const behind = await recordsBehind(log)
      const others = ALL.filter((partition) => partition !== SLOW).every((partition) => behind.get(partition) === 0)
      const lag = behind.get(SLOW) ?? 0
      if (others) most = Math.max(most, lag)
      return others && lag === 0
    },
    10,
  )
  const ticked = await settled(stage, detector)
  await detector.stop()
  const early = (await stage.ticks()).filter(
    ({ partition, offset }) => partition === SLOW && offset < end && offset >= firstOfBacklog,
  ).length
  say(
    `partition ${SLOW} was ${most} records behind when the others were at their end; it got ${early} ticks until then`,
  )
  const differences = (await ticked.differences()).map((line) => `one lags: ${line}`)
  if (early > 0) differences.push(`${early} ticks in a partition that was behind`)
  if (most === 0) differences.push('the slow partition was never behind the others')
  return { most, early, records: ticked.records, differences }
}

/** @param rule only of this one; of all when it is empty */
async function openWindows({ db }: DetectionStage, partitions: readonly number[], rule: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM anomaly_sessions a
      WHERE a.status = 'open' AND a.topic = $1 AND a.kafka_partition = ANY($2) AND ($3 = '' OR a.rule_id = $3)`,
    [TOPICS.clicks, partitions, rule],
  )
  return rows[0]?.n ?? 0
}

/** Records of the clicks that no checkpoint has passed yet, by partition. */
async function recordsBehind({ stage, ends }: VerifiedLog): Promise<Map<number, number>> {
  const { rows } = await stage.db.query<{ partition: number; at: number }>(
    `SELECT c.kafka_partition AS partition, c.next_offset::float8 AS at FROM detector_checkpoints c WHERE c.topic = $1`,
    [TOPICS.clicks],
  )
  const stored = new Map(rows.map(({ partition, at }) => [partition, at]))
  return new Map(
    ALL.map((partition) => [
      partition,
      // Ticks come behind the events.
      Math.max(0, (ends.get(`${TOPICS.clicks}/${partition}`) ?? 0) - (stored.get(partition) ?? 0)),
    ]),
  )
}
