import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { ServiceProcess } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import type { Row } from '../row.js'
import { slowGroup } from '../trials.js'
import { SLOWLY, VerifiedLog } from '../verified-log.js'

const FULL = { seconds: 600, rate: 800, from: 3_000, to: 8_000 }
/** Shorter and denser: as many records as in a minute of the full run. */
const QUICK = { seconds: 24, rate: 2_000, from: 1_000, to: 3_000 }
const MOST_WORKERS = 4
/** Progress may stop for so many session time-outs, no longer. */
const STALL_TIMEOUTS = 3

interface Storm {
  joined: number
  left: number
  killed: number
}

export const row: Row = {
  id: 'A4',
  fault: 'one to four processes join, leave and are killed every few seconds, while traffic comes in',
  invariant: `the result is as without; progress never stops for longer than ${STALL_TIMEOUTS} session time-outs`,
  quick: true,
  run: async ({ quick, seed, say }) => {
    const { seconds, rate, from, to } = quick ? QUICK : FULL
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    try {
      const random = new SeededRandom(seed)
      const settings = slowGroup()
      const workers: ServiceProcess[] = [stage.startDetector(settings)]
      const storm: Storm = { joined: 1, left: 0, killed: 0 }
      const over = new AbortController()
      const watching = longestStall(stage, over.signal)
      const live = ['simulate', '--live', '--duration', `${seconds}s`, '--rate', String(rate), '--seed', String(seed)]
      const traffic = stage.ask(live).finally(() => over.abort())
      while (!over.signal.aborted) {
        await sleep(random.whole(from, to))
        await change(stage, workers, settings, random, storm)
      }
      await traffic
      const stallMs = await watching
      const log = await VerifiedLog.of(stage)
      say(`${log.records} records; ${storm.joined} joined, ${storm.left} left, ${storm.killed} killed`)
      await log.passes(log.records, workers)
      for (const worker of workers) await worker.stop()
      const differences = await log.differences()
      const boundMs = STALL_TIMEOUTS * Number(SLOWLY.KAFKA_SESSION_TIMEOUT_MS)
      if (stallMs > boundMs) differences.push(`progress stopped for ${stallMs} ms, more than ${boundMs}`)
      return {
        held: differences.length === 0,
        figure: `${storm.joined + storm.left + storm.killed} changes of membership, ${differences.length} differences in ${log.oracle.rows.length} anomalies, longest stall ${(stallMs / 1_000).toFixed(1)} s`,
        configuration: { records: log.records, seconds, ...storm, sessionTimeoutMs: SLOWLY.KAFKA_SESSION_TIMEOUT_MS },
        differences,
      }
    } finally {
      await stage.close()
    }
  },
}

/** One process comes or goes; there is always one at least. */
async function change(
  stage: DetectionStage,
  workers: ServiceProcess[],
  settings: Record<string, string>,
  random: SeededRandom,
  storm: Storm,
): Promise<void> {
  for (const worker of workers)
    if (!worker.isRunning) throw new Error(`a detector has ended by itself:\n${worker.output}`)
  if (workers.length === 1 || (workers.length < MOST_WORKERS && random.chance(0.5))) {
    workers.push(stage.startDetector(settings))
    storm.joined++
    return
  }
  const [leaving] = workers.splice(random.whole(0, workers.length - 1), 1)
  if (random.chance(0.5)) {
    storm.left++
    await leaving?.stop()
  } else {
    storm.killed++
    await leaving?.kill()
  }
}

/** The longest time in which no checkpoint passed a record, from the first one on, while traffic came in. */
async function longestStall(stage: DetectionStage, signal: AbortSignal): Promise<number> {
  let [seen, longestMs, since] = [0, 0, 0]
  while (!signal.aborted) {
    const processed = await stage.processed()
    const now = performance.now()
    if (seen > 0) longestMs = Math.max(longestMs, now - since)
    if (processed > seen || seen === 0) since = now
    seen = processed
    await sleep(50)
  }
  return Math.round(longestMs)
}
