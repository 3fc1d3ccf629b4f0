import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sendPastDays } from '../../../../deploy/local/past-days.js'

const DAYS = ['2026-10-01', '2026-10-02']

describe('sendPastDays', () => {
  let folder: string
  let asked: (readonly [string, number, boolean])[]
  /** @param crashAt the day at which the process ends @param isEmpty whether the log has had no records */
  const start = (days = DAYS, crashAt?: string, isEmpty = true) => {
    asked = []
    return sendPastDays(join(folder, 'past-days.json'), days, (day, position, ifEmpty) => {
      asked.push([day, position, ifEmpty])
      return day === crashAt ? Promise.reject(new Error('killed')) : Promise.resolve(isEmpty || !ifEmpty)
    })
  }
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'guardian-past-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  it('sends both days to an empty log, once', async () => {
    assert.deepEqual(await start(), DAYS)
    assert.deepEqual(asked, [
      ['2026-10-01', 0, true],
      ['2026-10-02', 1, false],
    ])
    assert.deepEqual([await start(), asked], [[], []])
  })

  it('goes on where it was interrupted, also a day later, with the days that were meant', async () => {
    for (const [at, crash] of DAYS.entries()) {
      rmSync(join(folder, 'past-days.json'), { force: true })
      await assert.rejects(start(DAYS, crash))
      assert.deepEqual(await start(['2026-10-02', '2026-10-03']), DAYS.slice(at))
      assert.deepEqual(
        asked,
        DAYS.slice(at).map((day, i) => [day, at + i, false]),
      )
    }
  })

  it('adds nothing to a log of somebody else, now or later', async () => {
    await start(DAYS, undefined, false)
    assert.deepEqual(asked, [['2026-10-01', 0, true]])
    await start()
    assert.deepEqual(asked, [])
  })
})
