import assert from 'node:assert/strict'
import { Admission, OverloadError } from '../../../../platform/resilience/admission.js'

describe('Admission', () => {
  const enter = async (admission: Admission, signal?: AbortSignal) => admission.enter(signal)

  it('lets so many work, so many wait in order, and refuses the rest at once', async () => {
    const admission = new Admission({ limit: 2, maxWaiting: 2, maxWaitMs: 5_000 })
    const first = await enter(admission)
    await enter(admission)
    const order: number[] = []
    const waiter = async (n: number) => {
      const release = await enter(admission)
      order.push(n)
      return release
    }
    const third = waiter(3)
    const fourth = waiter(4)
    await assert.rejects(enter(admission), (error) => error instanceof OverloadError && error.reason === 'queue_full')
    assert.deepEqual([admission.atWork, admission.waiting], [2, 2])
    first()
    first() // a turn is given back once
    const release = await third
    assert.deepEqual([order, admission.atWork, admission.waiting], [[3], 2, 1])
    release()
    await fourth
    assert.deepEqual(order, [3, 4])
  })

  it('refuses one that has waited too long; one that went away leaves the queue', async () => {
    const admission = new Admission({ limit: 1, maxWaiting: 5, maxWaitMs: 20 })
    const release = await enter(admission)
    await assert.rejects(
      enter(admission),
      (error) => error instanceof OverloadError && error.reason === 'waited_too_long',
    )
    const gone = new AbortController()
    const waiting = assert.rejects(enter(admission, gone.signal), /went away/)
    gone.abort(new Error('went away'))
    await waiting
    assert.equal(admission.waiting, 0)
    release()
    assert.equal(admission.atWork, 0)
    await enter(admission)
  })
})
