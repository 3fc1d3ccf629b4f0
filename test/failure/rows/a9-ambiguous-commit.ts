import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { startTcpProxy } from '../../support/tcp-proxy.js'
import type { Row } from '../row.js'
import { slowGroup } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

/** Little may be processed beyond a checkpoint, so that there are many of them. */
const MANY_COMMITS = { MAX_UNCOMMITTED_RECORDS: '1000' }
/** Between two cuts. Were every COMMIT cut, the pauses between attempts would grow, and nothing would ever be stored. */
const LONGEST_PAUSE_MS = 600
const MOST_RUNS = 40

export const row: Row = {
  id: 'A9',
  fault: 'the connection is cut at COMMIT: before it reaches PostgreSQL, or after, before the answer',
  invariant:
    'the stored offset is read before anything is repeated; the result is as without, and the process stays up',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const target = quick ? 6 : 100
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 60_000, seed)
    const proxy = await startTcpProxy(new URL(log.stage.servers.databaseUrl))
    const random = new SeededRandom(seed)
    try {
      const differences: string[] = []
      const cuts = { passedOn: 0, withheld: 0 }
      const total = () => cuts.passedOn + cuts.withheld
      let runs = 0
      while (total() < target && differences.length === 0) {
        if (++runs > MOST_RUNS) throw new Error(`${total()} cuts in ${MOST_RUNS} runs: too few commits to cut`)
        await log.stage.freshDatabase()
        const databaseUrl = proxy.urlOf(log.stage.env['DATABASE_URL'] ?? '')
        const detector = log.stage.startDetector({ ...slowGroup(), ...MANY_COMMITS, DATABASE_URL: databaseUrl })
        const over = new AbortController()
        const cutting = (async () => {
          while (!over.signal.aborted && total() < target) {
            const isPassedOn = random.chance(0.5)
            const cut = proxy.cutOnce('COMMIT', isPassedOn).then(() => true)
            const isCut = await Promise.race([cut, untilTrue(() => over.signal.aborted).then(() => false)])
            if (!isCut) break
            cuts[isPassedOn ? 'passedOn' : 'withheld']++
            await sleep(random.whole(0, LONGEST_PAUSE_MS))
          }
        })()
        try {
          await log.passes(log.records, [detector])
        } finally {
          over.abort()
          await cutting
        }
        await detector.stop()
        differences.push(...(await log.differences()).map((line) => `run ${runs}: ${line}`))
        say(`run ${runs}: ${total()} cuts so far`)
      }
      return {
        held: differences.length === 0 && total() >= target,
        figure: `${total()} cuts (${cuts.passedOn} after COMMIT was passed on, ${cuts.withheld} instead), ${differences.length} differences`,
        configuration: { records: log.records, runs, ...MANY_COMMITS },
        differences,
      }
    } finally {
      await proxy.close()
      await log.close()
    }
  },
}

async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20)
}
