import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { Row } from '../row.js'
import { killedTrial } from '../trials.js'
import { QUICK_EVENTS, SLOWLY, VerifiedLog } from '../verified-log.js'

const FULL = { events: 1_000_000, runs: 50, mostKills: 3 }
const QUICK = { events: QUICK_EVENTS, runs: 2, mostKills: 3 }

export const row: Row = {
  id: 'A1',
  fault: '`kill -9` of the detector at random offsets',
  invariant: "anomalies and fates equal the oracle's, evidence equals that of a run without kills",
  quick: true,
  run: async ({ quick, seed, say }) => {
    const { events, runs, mostKills } = quick ? QUICK : FULL
    const log = await VerifiedLog.open(events, seed)
    try {
      const { stage, ends, oracle, records } = log
      await stage.finish(stage.startDetector(), ends)
      const differences = await log.differences()
      const evidence = JSON.stringify(await stage.evidence())
      let [same, kills] = [0, 0]
      for (let run = 1; run <= runs && differences.length === 0; run++) {
        const random = new SeededRandom(seed, run)
        const killedAt = await killedTrial(log, random, random.whole(1, mostKills))
        say(`run ${run}: killed at ${killedAt.join(', ')}`)
        kills += killedAt.length
        const found = await log.differences()
        if (JSON.stringify(await stage.evidence()) !== evidence) found.push('the evidence differs')
        if (found.length === 0) same++
        differences.push(...found.map((line) => `run ${run}: ${line}`))
      }
      const counted = `${differences.length} differences in ${oracle.rows.length} anomalies`
      return {
        held: same === runs,
        figure: `${same}/${runs} runs identical to the oracle, ${kills} kills, ${counted}`,
        configuration: { records, partitions: ends.size, sessionTimeoutMs: SLOWLY.KAFKA_SESSION_TIMEOUT_MS },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}
