import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { Row } from '../row.js'
import { slowGroup } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

/** One connection for all checkpoints, and locks that are not waited for: the pool is starved and statements fail. */
const TIGHT = { PG_POOL_MAX: '1', PG_LOCK_TIMEOUT_MS: '100', MAX_UNCOMMITTED_RECORDS: '2000' }
const LOCKED_MS = 300
const SHARE_OF_LOCKS = 0.1

export const row: Row = {
  id: 'A10',
  fault: 'connections of the detector ended at random (`pg_terminate_backend`), its tables locked, a pool of one',
  invariant: 'what failed is tried again; no process ends; the result is as without',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const [target, longestPauseMs] = quick ? [15, 200] : [300, 1_000]
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 60_000, seed)
    const random = new SeededRandom(seed)
    try {
      const differences: string[] = []
      const faults = { ended: 0, locks: 0 }
      let [runs, exits] = [0, 0]
      while (faults.ended < target && differences.length === 0) {
        runs++
        await log.stage.freshDatabase()
        const detector = log.stage.startDetector({ ...slowGroup(), ...TIGHT })
        const over = new AbortController()
        const disturbing = (async () => {
          while (!over.signal.aborted) {
            await sleep(random.whole(20, longestPauseMs))
            if (random.chance(SHARE_OF_LOCKS)) faults.locks += await lockTables(log)
            else faults.ended += await endOne(log, random)
          }
        })()
        try {
          await log.passes(log.records, [detector])
        } catch (error) {
          if (!detector.isRunning) exits++
          throw error
        } finally {
          over.abort()
          await disturbing
        }
        await detector.stop()
        differences.push(...(await log.differences()).map((line) => `run ${runs}: ${line}`))
        say(`run ${runs}: ${faults.ended} connections ended, tables locked ${faults.locks} times so far`)
      }
      return {
        held: differences.length === 0,
        figure: `${faults.ended} connections ended, ${faults.locks} times locked, ${exits} process exits, ${differences.length} differences`,
        configuration: { records: log.records, runs, ...TIGHT },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}

/** @returns how many connections were ended: one, or none when there was none */
async function endOne({ stage }: VerifiedLog, random: SeededRandom): Promise<number> {
  const { rows } = await stage.db.query<{ pid: number }>(
    `SELECT a.pid FROM pg_stat_activity a
      WHERE a.application_name = 'guardian-detector' AND a.datname = current_database() ORDER BY a.pid`,
  )
  const victim = rows[random.whole(0, Math.max(0, rows.length - 1))]
  if (!victim) return 0
  const ended = await stage.db.query<{ done: boolean }>('SELECT pg_terminate_backend($1) AS done', [victim.pid])
  return ended.rows[0]?.done === true ? 1 : 0
}

/** Holds what checkpoints write for longer than the detector waits for a lock. */
async function lockTables({ stage }: VerifiedLog): Promise<number> {
  const client = await stage.db.connect()
  try {
    await client.query('BEGIN')
    await client.query('LOCK TABLE detector_checkpoints, anomaly_sessions IN ACCESS EXCLUSIVE MODE')
    await sleep(LOCKED_MS)
    await client.query('ROLLBACK')
    return 1
  } finally {
    client.release()
  }
}
