import assert from 'node:assert/strict'
import { MinuteReport } from '../../../db/minute-report.js'
import type { Database } from '../../../db/pool.js'

const record = { topic: 'clicks', partition: 0, eventMs: 0 }

/** A database whose statements end when they are told to: with their records stored, or with an error. */
class SlowDatabase {
  readonly stored: number[] = []
  readonly #waiting: ((isStored: boolean) => void)[] = []
  readonly value = {
    query: (_text: string, values: readonly unknown[]) =>
      new Promise((resolve, reject) => {
        this.#waiting.push((isStored) => {
          if (!isStored) reject(new Error('canceling statement due to statement timeout'))
          else resolve(this.stored.push((values[5] as number[])[0] ?? 0))
        })
      }),
  } as unknown as Database

  get atWork(): number {
    return this.#waiting.length
  }

  async end(isStored: boolean): Promise<void> {
    this.#waiting.shift()?.(isStored)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('MinuteReport', () => {
  it('tells one report at a time, and the last has what those before it could not tell', async () => {
    const database = new SlowDatabase()
    const report = new MinuteReport(database.value, 'test')
    const failures: unknown[] = []
    const tell = () => report.tell().catch((error: unknown) => failures.push(error))
    const telling: Promise<unknown>[] = []
    for (let round = 0; round < 3; round++) {
      report.acknowledged([record])
      telling.push(tell())
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(database.atWork, 1)
    await database.end(true)
    assert.equal(database.atWork, 1)
    const last = tell()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(database.atWork, 1, 'the last waits for the one before it')
    await database.end(false)
    await database.end(true)
    await Promise.all([...telling, last])
    assert.deepEqual(database.stored, [1, 3])
    assert.ok(failures.length > 0)
  })
})
