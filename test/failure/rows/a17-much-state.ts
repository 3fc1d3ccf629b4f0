import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { OutgoingRecord } from '../../../platform/kafka/producer.js'
import type { ServiceProcess } from '../../support/child-process.js'
import { metricsOf } from '../lag-series.js'
import type { LogMaker } from '../made-log.js'
import { withMadeLog } from '../made-log.js'
import type { Row } from '../row.js'
import { VerifiedLog } from '../verified-log.js'

const FULL = { sessions: 1_000_000, crowd: 1_000_000, shelf: 3_000 }
const QUICK = { sessions: 25_000, crowd: 10_000, shelf: 1_000 }
/** Of the traffic of sessions and of the hot one together. */
const HOT_SHARE = 0.6
/** All of it is within the longest window, so that nothing may be forgotten on the way. */
const SPAN_MS = 50_000
const CROWD_MS = 9_000
const PARTITIONS = 4
/** What an event may cost in memory while a window or the deduplication needs it; about three times what it does. */
const BOUND_BYTES_PER_EVENT = 512
const SAMPLE_MS = 50

export const row: Row = {
  id: 'A17',
  fault:
    'one session with 60 % of the traffic, very many sessions of one event, one with a million events (full run) in a window, one with thousands of items',
  invariant:
    "the result is the oracle's; state stays within a bound by events, and goes when the watermark has passed it",
  quick: true,
  run: async ({ quick, seed, say }) => {
    const sizes = quick ? QUICK : FULL
    return withMadeLog(async (stage, maker) => {
      const detector = stage.startDetector()
      const state = new StateWatch(detector)
      const random = new SeededRandom(seed)
      await maker.send(traffic(maker, random, sizes))
      const log = await VerifiedLog.of(stage)
      await log.passes(log.records, [detector], 600_000)
      const peak = await state.stop()
      const differences = await settled(log)
      const boundBytes = log.records * BOUND_BYTES_PER_EVENT
      if (peak.bytes > boundBytes) differences.push(`state took ${peak.bytes} bytes, more than ${boundBytes}`)
      if (peak.sessions < sizes.sessions / 2) differences.push(`only ${peak.sessions} sessions were seen at once`)
      await maker.send(closers(maker, random, startMs + 900_000))
      const end = await VerifiedLog.of(stage)
      await end.passes(end.records, [detector])
      const after = await forgotten(detector)
      differences.push(...(await settled(end)))
      if (after.sessions > 2 * PARTITIONS)
        differences.push(`${after.sessions} sessions are kept after their last window`)
      if (after.open > 0) differences.push(`${after.open} windows are open after their end`)
      await detector.stop()
      say(JSON.stringify({ peak, after }))
      const mb = (bytes: number) => (bytes / 1_048_576).toFixed(0)
      return {
        held: differences.length === 0,
        figure:
          `${peak.sessions} sessions at once: state ${mb(peak.bytes)} MB of at most ${mb(boundBytes)}, resident ${mb(peak.resident)} MB, ` +
          `checkpoint ${(peak.checkpointSeconds * 1_000).toFixed(0)} ms on average; ${after.sessions} sessions left behind the watermark; ` +
          `${differences.length} differences in ${end.oracle.rows.length} anomalies; nothing is evicted before its time`,
        configuration: { records: end.records, ...sizes, hotShare: HOT_SHARE, partitions: PARTITIONS },
        differences,
      }
    })
  },
}

const startMs = Date.UTC(2026, 0, 10, 12)

/** All kinds beside each other, in the order of their time, with one to three items each but for the shelf. */
function* traffic(
  maker: LogMaker,
  random: SeededRandom,
  { sessions, crowd, shelf }: typeof FULL,
): Generator<OutgoingRecord> {
  const click = (session_id: string, event_ts: number, item: number) =>
    maker.click({ event_id: random.uuid(), session_id, event_ts, item_id: `item-${item}` })
  const hotPerSession = HOT_SHARE / (1 - HOT_SHARE)
  let [hot, crowded, shelved] = [0, 0, 0]
  for (let n = 0; n < sessions; n++) {
    const eventMs = startMs + Math.floor((n * SPAN_MS) / sessions)
    yield click(`single-${n}`, eventMs, n % 1_000)
    for (; hot < n * hotPerSession; hot++) yield click('hot', eventMs, hot % 3)
    const share = Math.min(1, (eventMs - startMs) / CROWD_MS)
    for (; crowded < share * crowd; crowded++) yield click('crowd', eventMs, crowded % 2)
    for (; shelved < share * shelf; shelved++) yield click('shelf', eventMs, 1_000 + shelved)
  }
}

const closers = (maker: LogMaker, random: SeededRandom, event_ts: number): OutgoingRecord[] =>
  Array.from({ length: PARTITIONS }, (_, partition) =>
    maker.click({ event_id: random.uuid(), session_id: `closer-${partition}`, event_ts }, partition),
  )

/** Differences from the oracle once the rows of open windows have been written. */
async function settled(log: VerifiedLog): Promise<string[]> {
  for (let attempt = 0; ; attempt++) {
    const differences = await log.differences()
    if (differences.length === 0 || attempt >= 20) return differences
    await sleep(250)
  }
}

const gauge = (metrics: string, name: string, what = ''): number =>
  [...metrics.matchAll(new RegExp(`^guardian_${name}\\{(.*)\\} (\\S+)$`, 'gm'))]
    .filter(([, labels = '']) => what === '' || labels.includes(`what="${what}"`))
    .reduce((sum, [, , value]) => sum + Number(value), 0)

/** Waits for the checkpoint that tells what is left when the watermark has passed everything. */
async function forgotten(detector: ServiceProcess): Promise<{ sessions: number; open: number }> {
  for (let attempt = 0; ; attempt++) {
    const metrics = await metricsOf(detector)
    const left = {
      sessions: gauge(metrics, 'state_entries', 'sessions'),
      open: gauge(metrics, 'state_entries', 'open_windows'),
    }
    if ((left.sessions <= 2 * PARTITIONS && left.open === 0) || attempt >= 40) return left
    await sleep(250)
  }
}

/** Looks at a detector's state again and again, and keeps the most that it has seen. */
class StateWatch {
  readonly #peak = { bytes: 0, sessions: 0, resident: 0, checkpointSeconds: 0 }
  readonly #run: Promise<void>
  #isOver = false

  constructor(detector: ServiceProcess) {
    this.#run = this.#watch(detector)
  }

  async stop(): Promise<Readonly<{ bytes: number; sessions: number; resident: number; checkpointSeconds: number }>> {
    await sleep(500) // the last checkpoint tells what there is at the end
    this.#isOver = true
    await this.#run
    return this.#peak
  }

  async #watch(detector: ServiceProcess): Promise<void> {
    const peak = this.#peak
    while (!this.#isOver) {
      await sleep(SAMPLE_MS)
      const metrics = await metricsOf(detector).catch(() => '') // it may be too busy, or has been given up
      peak.bytes = Math.max(peak.bytes, gauge(metrics, 'state_entries', 'bytes'))
      peak.sessions = Math.max(peak.sessions, gauge(metrics, 'state_entries', 'sessions'))
      peak.resident = Math.max(
        peak.resident,
        Number(/^process_resident_memory_bytes\{.*\} (\S+)$/m.exec(metrics)?.[1] ?? 0),
      )
      const checkpoints = gauge(metrics, 'checkpoint_seconds_count')
      if (checkpoints > 0) peak.checkpointSeconds = gauge(metrics, 'checkpoint_seconds_sum') / checkpoints
    }
  }
}
