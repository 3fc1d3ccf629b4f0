import type pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { patchedCopy } from '../patched-copy.js'
import { publishDay, PUBLISHING_CRASHES, PUBLISHING_STEPS, readDay } from '../published-day.js'
import type { Row } from '../row.js'

const READS_PER_SECOND = 200

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
    const { whole } = await readDay(db)
    this.longestMs = Math.max(this.longestMs, performance.now() - startedAt)
    this.reads++
    if (!whole) this.torn++
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
  patches: PUBLISHING_CRASHES,
  run: async ({ quick, seed, say }) => {
    const kills = quick ? PUBLISHING_STEPS : 50
    const random = new SeededRandom(seed, 3)
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    const copy = patchedCopy(PUBLISHING_CRASHES)
    const differences: string[] = []
    const publish = (n: number, crashAfter: number) => publishDay(stage, copy.root, n, crashAfter)
    try {
      await publish(1, 0)
      const readers = new Readers(stage.db)
      let version = 1
      for (let kill = 1; kill <= kills; kill++) {
        const step = kill <= PUBLISHING_STEPS ? kill : random.whole(1, PUBLISHING_STEPS)
        const code = await publish(kill + 1, step)
        if (code !== null) differences.push(`kill ${kill}: the publication ended with code ${code} at step ${step}`)
        if (step === PUBLISHING_STEPS) version = kill + 1
        const found = await readDay(stage.db)
        if (found.version !== version)
          differences.push(`killed at step ${step}, the day is of version ${found.version}, not ${version}`)
        if (kill % 10 === 0) say(`${kill} kills, ${readers.reads} reads, ${readers.torn} torn`)
      }
      const last = await publish(1_000, 0)
      await readers.stop()
      if (last !== 0 || (await readDay(stage.db)).version !== 1_000)
        differences.push('the day cannot be published after the kills')
      if (readers.torn > 0) differences.push(`${readers.torn} reads saw a half or an empty day`)
      return {
        held: differences.length === 0,
        figure: `${readers.torn} torn of ${readers.reads} reads, ${kills} kills at ${PUBLISHING_STEPS} steps; longest read ${readers.longestMs.toFixed(0)} ms`,
        configuration: { readsPerSecond: READS_PER_SECOND, steps: PUBLISHING_STEPS, rowsOfTheDay: 115 },
        differences,
      }
    } finally {
      copy.remove()
      await stage.close()
    }
  },
}
