import { setTimeout as sleep } from 'node:timers/promises'
import { TOPICS } from '../../../domain/events.js'
import type { ServiceProcess } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { lagSeries } from '../lag-series.js'
import type { Row } from '../row.js'
import { slowGroup } from '../trials.js'
import { VerifiedLog } from '../verified-log.js'

const FULL = { events: 1_000_000, rounds: 2 }
const QUICK = { events: 30_000, rounds: 1 }
const PROCESSES = [1, 2, 4] as const
const PARTITIONS = [4, 12] as const
const SETTLE_MS = 10_000
const LOOK_MS = 30

/** What one trial came to. */
interface Trial {
  readonly mostBehind: number
  readonly differences: readonly string[]
}

export const row: Row = {
  id: 'S1',
  fault: '1, 2 and 4 processes on 4 and 12 partitions; one joins, one leaves and one is killed on the way',
  invariant:
    'identical results and evidence, whoever decided what; each partition says how far it is behind, by one process at a time',
  quick: true,
  run: async (settings) => {
    const { events, rounds } = settings.quick ? QUICK : FULL
    const differences: string[] = []
    let [same, tried, mostBehind, records] = [0, 0, 0, 0]
    for (const partitions of PARTITIONS) {
      const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'), {
        KAFKA_PARTITIONS: String(partitions),
      })
      try {
        const seed = String(settings.seed)
        const duration = `${events / 200}s`
        const day = ['--day', '2026-01-10', '--events', String(events), '--duration', duration, '--seed', seed]
        await stage.ask(['simulate', ...day])
        const log = await VerifiedLog.of(stage)
        records = log.records
        let evidence: string | undefined
        for (let round = 0; round < rounds; round++)
          for (const processes of PROCESSES) {
            const name = `${processes} on ${partitions}`
            const trial = await scaledTrial(log, processes)
            const found = [...trial.differences, ...(await log.differences())]
            evidence ??= JSON.stringify(await stage.evidence())
            if (JSON.stringify(await stage.evidence()) !== evidence) found.push('the evidence differs')
            settings.say(`${name} partitions: at most ${trial.mostBehind} records behind; ${found.length} differences`)
            tried++
            if (found.length === 0) same++
            mostBehind = Math.max(mostBehind, trial.mostBehind)
            differences.push(...found.map((line) => `${name}: ${line}`))
          }
      } finally {
        await stage.close()
      }
    }
    return {
      held: same === tried,
      figure: `${same}/${tried} runs identical to the oracle, with a join, a leave and a kill each; lag shown for every partition of the clicks, at most ${mostBehind} records`,
      configuration: { records, processes: PROCESSES.join(', '), partitions: PARTITIONS.join(', '), rounds },
      differences,
    }
  },
}

/** Decides the log with so many processes, of which one more joins, one leaves and one is killed. */
async function scaledTrial(log: VerifiedLog, processes: number): Promise<Trial> {
  const { stage, records } = log
  await stage.freshDatabase()
  const group = slowGroup()
  const running: ServiceProcess[] = Array.from({ length: processes }, () => stage.startDetector(group))
  const behind = { most: 0 }
  const shown = new Set<string>()
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      // One that is just coming up or going away cannot be asked.
      for (const [place, lags] of await lagSeries([...running]).catch(() => new Map<string, number[]>())) {
        shown.add(place)
        behind.most = Math.max(behind.most, ...lags)
      }
      await sleep(LOOK_MS)
    }
  })()
  try {
    await log.passes(records * 0.1, running)
    running.push(stage.startDetector(group))
    await log.passes(records * 0.3, running)
    await running.shift()?.stop()
    await log.passes(records * 0.5, running)
    await running.shift()?.kill()
    running.push(stage.startDetector(group))
    await log.passes(records, running, 300_000)
  } finally {
    over.abort()
    await watching
  }
  const differences = await endOfLag(running)
  for (const [place, end] of log.ends)
    if (end > 0 && place.startsWith(TOPICS.clicks) && !shown.has(place))
      differences.push(`no process ever said how far it was behind on ${place}`)
  for (const detector of running) await detector.stop()
  if (behind.most === 0) differences.push('no process said that it was behind')
  return { mostBehind: behind.most, differences }
}

/** When all is decided, no partition may be said to be behind, nor be claimed by two. What is at its end waits for an owner. */
async function endOfLag(running: readonly ServiceProcess[]): Promise<string[]> {
  const giveUpAt = performance.now() + SETTLE_MS
  for (;;) {
    const lags = await lagSeries(running)
    const wrong: string[] = []
    for (const [place, said] of lags)
      if (said.length > 1 || said[0] !== 0) wrong.push(`lag of ${place} is said to be ${JSON.stringify(said)}`)
    if (wrong.length === 0 || performance.now() > giveUpAt) return wrong
    await sleep(100)
  }
}
