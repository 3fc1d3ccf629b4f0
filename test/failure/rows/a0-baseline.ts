import type { Row } from '../row.js'
import { plainTrial } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

export const row: Row = {
  id: 'A0',
  fault: 'none: 1 and 4 processes, each twice',
  invariant: "identical rows, fates and evidence, equal to the oracle's; late and dead letters each in their topic",
  quick: true,
  run: async ({ quick, seed, say }) => {
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 1_000_000, seed)
    try {
      const runs = quick ? [1, 4] : [1, 4, 1, 4]
      const differences: string[] = []
      const seconds: string[] = []
      let same = 0
      let evidence: string | undefined
      for (const [index, workers] of runs.entries()) {
        const took = (await plainTrial(log, workers)).toFixed(1)
        seconds.push(`${workers}: ${took} s`)
        say(`${workers} process${workers > 1 ? 'es' : ''}: ${took} s from start to the last checkpoint`)
        const found = await log.differences()
        if (index === 0) found.push(...(await log.sideDifferences()))
        evidence ??= JSON.stringify(await log.stage.evidence())
        if (JSON.stringify(await log.stage.evidence()) !== evidence) found.push('the evidence differs')
        if (found.length === 0) same++
        differences.push(...found.map((line) => `${workers} processes: ${line}`))
      }
      const { rows, late, dead } = log.oracle
      return {
        held: same === runs.length,
        figure: `${same}/${runs.length} runs identical to the oracle: ${rows.length} anomalies, ${late.length} late, ${dead.length} dead`,
        configuration: { records: log.records, partitions: log.ends.size, 'processes and seconds': seconds.join('; ') },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}
