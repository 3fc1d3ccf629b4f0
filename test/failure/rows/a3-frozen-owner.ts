import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { Row } from '../row.js'
import { frozenTrial } from '../trials.js'
import { QUICK_EVENTS, SLOWLY, VerifiedLog } from '../verified-log.js'

/** As many trials in which nothing is tried are chance, however few are made. */
const LEAST_IDLE_TRIALS = 5

export const row: Row = {
  id: 'A3',
  fault:
    'the owner is frozen (`SIGSTOP`) past its session timeout, another takes over and finishes, the owner is thawed',
  invariant: 'what it commits then is refused; nothing of the old epoch is stored',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const trials = quick ? 2 : 20
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 100_000, seed)
    try {
      const differences: string[] = []
      let [fenced, rejections, idle] = [0, 0, 0]
      for (let trial = 1; fenced < trials && differences.length === 0; trial++) {
        const { frozenAt, fenced: refused, overwritten } = await frozenTrial(log, new SeededRandom(seed, trial))
        say(`trial ${trial}: frozen at ${frozenAt}, ${refused} commits refused`)
        rejections += refused
        const found = [...(await log.differences()), ...overwritten.map((position) => `overwritten: ${position}`)]
        // A process that was frozen with nothing to commit, or hears of the rebalance first, tries nothing.
        if (refused === 0 && ++idle > Math.max(trials, LEAST_IDLE_TRIALS))
          found.push('the frozen process hardly ever tries to commit')
        if (found.length === 0 && refused > 0) fenced++
        differences.push(...found.map((line) => `trial ${trial}: ${line}`))
      }
      return {
        held: fenced === trials,
        figure: `${fenced}/${trials} fenced with ${rejections} commits refused, ${idle} more in which none was tried, ${differences.length} differences in ${log.oracle.rows.length} anomalies`,
        configuration: { records: log.records, sessionTimeoutMs: SLOWLY.KAFKA_SESSION_TIMEOUT_MS },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}
