import type pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { ServiceProcess } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { crashWhen, patchedCopy } from '../patched-copy.js'
import type { Row } from '../row.js'

const DAY = '2026-10-01'
const READS_PER_SECOND = 200

/** Before each statement of the transaction, before its COMMIT, and before its answer is heard. */
const PATCHES = [
  {
    file: 'db/with-transaction.js',
    from: 'await work(connection);',
    to: `await work(Object.create(connection, { query: { value: (...words) => { ${crashWhen()}return connection.query(...words) } } }));`,
  },
  {
    file: 'db/with-transaction.js',
    from: 'await commit(connection);',
    to: `${crashWhen()}await commit(connection); ${crashWhen()}`,
  },
]
/** Eleven statements, and the COMMIT on both sides. */
const STEPS = 13

/** One version of all three tables, whole. */
const READ = `
SELECT (SELECT count(*) FROM daily_metrics m WHERE m.day = $1) = 3
   AND (SELECT count(*) FROM popular_items i WHERE i.day = $1) = 100
   AND (SELECT count(*) FROM conversion_funnel f WHERE f.day = $1) = 12
   AND (SELECT count(DISTINCT n) FROM (
          SELECT m.events AS n FROM daily_metrics m WHERE m.day = $1 UNION SELECT i.amount FROM popular_items i WHERE i.day = $1
          UNION SELECT f.sessions FROM conversion_funnel f WHERE f.day = $1 AND f.traffic = 'all' AND f.step = 'viewed') x) = 1 AS whole,
       (SELECT max(m.events) FROM daily_metrics m WHERE m.day = $1)::int AS version`

interface Found {
  readonly whole: boolean
  readonly version: number
}

/** Reads at a steady rate, whatever the answers take, until it is told to stop. */
class Readers {
  reads = 0
  torn = 0
  longestMs = 0
  #isOver = false
  readonly #ended: Promise<void>

  constructor(db: pg.Pool) {
    this.#ended = this.#run(db)
  }

  async #run(db: pg.Pool): Promise<void> {
    const under: Promise<void>[] = []
    for (let at = performance.now(); !this.#isOver; at += 1_000 / READS_PER_SECOND) {
      await sleep(Math.max(0, at - performance.now()))
      under.push(this.#read(db))
      if (under.length === READS_PER_SECOND) await Promise.all(under.splice(0))
    }
    await Promise.all(under)
  }

  async #read(db: pg.Pool): Promise<void> {
    const startedAt = performance.now()
    const { rows } = await db.query<Found>(READ, [DAY])
    this.longestMs = Math.max(this.longestMs, performance.now() - startedAt)
    this.reads++
    if (rows[0]?.whole !== true) this.torn++
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#ended
  }
}

export const row: Row = {
  id: 'B3',
  fault: '`kill -9` of a publication between two of its steps, under 200 reads a second',
  invariant: 'a reader sees the old day or the new one, whole; what was killed before its COMMIT left nothing behind',
  quick: true,
  patches: PATCHES,
  run: async ({ quick, seed, say }) => {
    const kills = quick ? STEPS : 50
    const random = new SeededRandom(seed, 3)
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    const copy = patchedCopy(PATCHES)
    const differences: string[] = []
    const publish = async (n: number, crashAfter: number): Promise<number | null> => {
      const env = { ...stage.env, DAY, N: String(n), CRASH_AFTER: String(crashAfter) }
      return new ServiceProcess('test/failure/publish-day.js', env, copy.root).exited
    }
    try {
      await publish(1, 0)
      const readers = new Readers(stage.db)
      let version = 1
      for (let kill = 1; kill <= kills; kill++) {
        const step = kill <= STEPS ? kill : random.whole(1, STEPS)
        const code = await publish(kill + 1, step)
        if (code !== null) differences.push(`kill ${kill}: the publication ended with code ${code} at step ${step}`)
        if (step === STEPS) version = kill + 1
        const { rows } = await stage.db.query<Found>(READ, [DAY])
        if (rows[0]?.version !== version)
          differences.push(`killed at step ${step}, the day is of version ${rows[0]?.version ?? 0}, not ${version}`)
        if (kill % 10 === 0) say(`${kill} kills, ${readers.reads} reads, ${readers.torn} torn`)
      }
      const last = await publish(1_000, 0)
      await readers.stop()
      const { rows } = await stage.db.query<Found>(READ, [DAY])
      if (last !== 0 || rows[0]?.version !== 1_000) differences.push('the day cannot be published after the kills')
      if (readers.torn > 0) differences.push(`${readers.torn} reads saw a half or an empty day`)
      return {
        held: differences.length === 0,
        figure: `${readers.torn} torn of ${readers.reads} reads, ${kills} kills at ${STEPS} steps; longest read ${readers.longestMs.toFixed(0)} ms`,
        configuration: { readsPerSecond: READS_PER_SECOND, steps: STEPS, rowsOfTheDay: 115 },
        differences,
      }
    } finally {
      copy.remove()
      await stage.close()
    }
  },
}
