import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { IdleTimer } from '../../../../platform/kafka/idle-timer.js'

describe('IdleTimer', () => {
  const IDLE_MS = 100
  const timed = () => {
    const told = { times: 0 }
    return { told, idle: new IdleTimer(IDLE_MS, () => (told.times += 1)) }
  }

  it('tells once that nothing has come', async () => {
    const { told } = timed()
    await sleep(3 * IDLE_MS)
    assert.equal(told.times, 1)
  })

  it('does not run while what has come is dealt with, and runs again after it, whatever came of it', async () => {
    const { told, idle } = timed()
    await idle.during(() => sleep(3 * IDLE_MS))
    assert.equal(told.times, 0)
    await assert.rejects(idle.during(() => Promise.reject(new Error('x'))))
    await sleep(3 * IDLE_MS)
    assert.equal(told.times, 1)
  })

  it('says nothing once it is stopped, even by what it waits for', async () => {
    const { told, idle } = timed()
    await idle.during(() => {
      idle.stop()
      return Promise.resolve()
    })
    await sleep(3 * IDLE_MS)
    assert.equal(told.times, 0)
  })
})
