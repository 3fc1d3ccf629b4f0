import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { Row, RowSettings } from '../row.js'
import { SLOWLY, VerifiedLog } from '../verified-log.js'

const FULL = { events: 1_000_000, runs: 50, mostKills: 3 }
const QUICK = { events: 100_000, runs: 2, mostKills: 5 }
/** A kill comes so long after its offset was passed, at most: not only just after a checkpoint. */
const LONGEST_AIM_MS = 120

export const row: Row = {
  id: 'A1',
  fault: '`kill -9` of the detector at random offsets',
  invariant: "anomalies and fates equal the oracle's, evidence equals that of a run without kills",
  quick: true,
  run: async (settings) => {
    const { events, runs, mostKills } = settings.quick ? QUICK : FULL
    const log = await VerifiedLog.open(events, settings.seed)
    try {
      const { stage, ends, oracle, records } = log
      await stage.finish(stage.startDetector(), ends)
      const differences = await log.differences()
      const evidence = JSON.stringify(await stage.evidence())
      let [same, kills] = [0, 0]
      for (let run = 1; run <= runs && differences.length === 0; run++) {
        await stage.freshDatabase()
        kills += await runWithKills(log, settings, run, mostKills)
        const found = await log.differences()
        if (JSON.stringify(await stage.evidence()) !== evidence) found.push('the evidence differs')
        if (found.length === 0) same++
        differences.push(...found.map((line) => `run ${run}: ${line}`))
      }
      return {
        held: same === runs,
        figure: `${same}/${runs} runs identical to the oracle, ${kills} kills, ${differences.length} differences in ${oracle.rows.length} anomalies`,
        configuration: { records, partitions: ends.size, sessionTimeoutMs: SLOWLY.KAFKA_SESSION_TIMEOUT_MS },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}

/** @returns how often it was killed on its way */
async function runWithKills(log: VerifiedLog, settings: RowSettings, run: number, mostKills: number): Promise<number> {
  const { stage, records, ends } = log
  const random = new SeededRandom(settings.seed * 1_000 + run)
  const offsets = Array.from({ length: random.whole(1, mostKills) }, () =>
    random.whole(Math.floor(records / 50), Math.floor(records * 0.85)),
  ).sort((a, b) => a - b)
  const env = { ...SLOWLY, DETECTOR_GROUP_ID: `killed-${randomUUID()}` }
  const killedAt: string[] = []
  let detector = stage.startDetector(env)
  for (const offset of offsets) {
    await log.passes(offset, [detector])
    await sleep(random.whole(0, LONGEST_AIM_MS))
    await detector.kill()
    const stored = await stage.processed()
    if (stored >= records) throw new Error('the kill came when there was no work left')
    killedAt.push(`${offset} (stored ${stored})`)
    detector = stage.startDetector(env)
  }
  settings.say(`run ${run}: killed at ${killedAt.join(', ')}`)
  await stage.finish(detector, ends, 300_000)
  return offsets.length
}
