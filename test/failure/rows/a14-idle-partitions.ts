import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
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
/** With rounds enough that windows of the partitions that have traffic close. */
const FULL = { idleMs: 60_000, backlog: 400_000, rounds: 12 }
const QUICK = { idleMs: 2_000, backlog: 20_000, rounds: 8 }
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
  fault: 'one partition idle, then all but one, then data again, delayed; a partition that lags far behind the others',
  invariant:
    'no clock but the log closes a window: those of an idle or lagging partition stay open, and visible, until its own events close them; nothing is late because of another partition',
  quick: true,
  run: async (settings) => {
    const sizes = settings.quick ? QUICK : FULL
    const { idleMs } = sizes
    return withMadeLog(
      async (stage, maker) => {
        const traffic = new Traffic(maker, settings.seed)
        const detector = stage.startDetector()
        const idle = await idlePartitions(stage, traffic, detector, sizes, settings)
        await detector.stop()
        const lagging = await laggingPartition(stage, traffic, sizes, settings)
        const differences = [...idle.differences, ...lagging.differences]
        return {
          held: differences.length === 0,
          figure:
            `${idle.open} windows of idle partitions stayed open ${idleMs / 1_000} s beyond their end and closed with the next event, ` +
            `${idle.delayed} delayed events accepted; ${lagging.most} records behind the others: ${lagging.open} windows stayed open; ` +
            `0 wrongly late, ${differences.length} differences`,
          configuration: { records: lagging.records, partitions: PARTITIONS, latenessMs: LATENESS_MS, idleMs },
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

  /** Clicks of a partition's last round, which are only sent now: in time, by what the partition has seen. */
  async delayed(partition: number, count: number): Promise<void> {
    const lastMs = this.#startMs + (this.#rounds[partition] ?? 0) * ROUND_MS - 1
    const clicks = Array.from({ length: count }, (_, n) =>
      this.#click(partition, `delayed-${partition}-${n % 7}`, lastMs - (n % LATENESS_MS)),
    )
    await this.#maker.send(clicks)
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
    yield this.#click(partition, `tick-${partition}`, fromMs + ROUND_MS - 1)
  }

  #click(partition: number, session_id: string, event_ts: number): OutgoingRecord {
    const item_id = `item-${this.#random.whole(1, 3)}`
    return this.#maker.click({ event_id: this.#random.uuid(), session_id, event_ts, item_id }, partition)
  }
}

interface IdleResult {
  /** Windows of idle partitions that a wall clock would have closed. */
  readonly open: number
  readonly delayed: number
  readonly differences: string[]
}

const ALL = [0, 1, 2, 3]
const DELAYED = 300

async function idlePartitions(
  stage: DetectionStage,
  traffic: Traffic,
  detector: ServiceProcess,
  { idleMs, rounds }: typeof FULL,
  { say }: RowSettings,
): Promise<IdleResult> {
  const differences: string[] = []
  let open = 0
  await traffic.round(...ALL)
  for (const idle of [[3], [1, 2, 3]]) {
    const busy = ALL.filter((partition) => !idle.includes(partition))
    for (let round = 0; round < rounds; round++) await traffic.round(...busy)
    const log = await VerifiedLog.of(stage, { latenessMs: LATENESS_MS })
    await log.passes(log.records, [detector])
    await sleep(idleMs)
    const found = await log.differences()
    differences.push(...found.map((line) => `${idle.length} of ${PARTITIONS} idle: ${line}`))
    const ofIdle = await openWindows(stage, idle)
    if (ofIdle === 0) differences.push(`no window is open on idle partitions ${idle.join(', ')}`)
    say(
      `${idle.length} of ${PARTITIONS} partitions idle: ${ofIdle} of their windows are open after ${idleMs / 1_000} s`,
    )
    open += ofIdle
  }
  for (const partition of [1, 2, 3]) await traffic.delayed(partition, DELAYED)
  for (let round = 0; round < rounds; round++) await traffic.round(...ALL)
  const log = await VerifiedLog.of(stage, { latenessMs: LATENESS_MS })
  await log.passes(log.records, [detector])
  await waitUntil(
    () => 'the last rows are written',
    10_000,
    async () => (await log.differences()).length === 0,
  ).catch(() => undefined) // what is left is told
  differences.push(...(await log.differences()).map((line) => `data again: ${line}`))
  if (log.oracle.late.length > 0) differences.push(`${log.oracle.late.length} records are late by the log itself`)
  return { open, delayed: 3 * DELAYED, differences }
}

async function laggingPartition(
  stage: DetectionStage,
  traffic: Traffic,
  { backlog, rounds }: typeof FULL,
  { say }: RowSettings,
) {
  await stage.freshDatabase()
  const perRound = SESSIONS_A_ROUND * CLICKS_OF_SESSION + 1
  for (let sent = 0; sent < backlog; sent += perRound) await traffic.round(SLOW)
  for (let round = 0; round < rounds; round++) await traffic.round(BUSY, 2, 3)
  const log = await VerifiedLog.of(stage, { latenessMs: LATENESS_MS })
  const detector = stage.startDetector({ ...slowGroup(), MAX_UNCOMMITTED_RECORDS: '1000' })
  let [most, open] = [0, 0]
  await waitUntil(
    () => detector.output,
    300_000,
    async () => {
      if (!detector.isRunning) throw new Error(`the detector has ended:\n${detector.output}`)
      const behind = await recordsBehind(log)
      const others = ALL.filter((partition) => partition !== SLOW).every((partition) => behind.get(partition) === 0)
      const lag = behind.get(SLOW) ?? 0
      if (others && lag > most) [most, open] = [lag, await openWindows(stage, [SLOW])]
      return others && lag === 0
    },
    10,
  )
  await detector.stop()
  say(`partition ${SLOW} was ${most} records behind when the others were at their end, with ${open} windows open`)
  const differences = (await log.differences()).map((line) => `one lags: ${line}`)
  if (most === 0) differences.push('the slow partition was never behind the others')
  return { most, open, records: log.records, differences }
}

async function openWindows({ db }: DetectionStage, partitions: readonly number[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM anomaly_sessions a
      WHERE a.status = 'open' AND a.topic = $1 AND a.kafka_partition = ANY($2)`,
    [TOPICS.clicks, partitions],
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
      (ends.get(`${TOPICS.clicks}/${partition}`) ?? 0) - (stored.get(partition) ?? 0),
    ]),
  )
}
