import assert from 'node:assert/strict'
import { cachedFor } from '../../../api/cached-for.js'

describe('cachedFor', () => {
  it('gives an answer again for as long as it is kept, from the moment it was there', async () => {
    let nowMs = 0
    let loads = 0
    const read = cachedFor(
      1_000,
      () => Promise.resolve((loads += 1)),
      () => nowMs,
    )
    assert.equal(await read(), 1)
    nowMs = 999
    assert.equal(await read(), 1)
    nowMs = 1_000
    assert.equal(await read(), 2)
  })

  it('loads once for all who wait', async () => {
    let loads = 0
    let finish: (value: string) => void = () => undefined
    const read = cachedFor(
      0,
      () => new Promise<string>((resolve) => (finish = resolve)).finally(() => (loads += 1)),
      () => 0,
    )
    const both = Promise.all([read(), read()])
    await Promise.resolve()
    finish('done')
    assert.deepEqual([await both, loads], [['done', 'done'], 1])
  })

  for (const [how, fail] of [
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws at once',
      () => {
        throw new Error('down')
      },
    ],
  ] as const)
    it(`forgets a load that ${how}`, async () => {
      let isDown = true
      const read = cachedFor(
        1_000,
        () => (isDown ? fail() : Promise.resolve('up')),
        () => 0,
      )
      await assert.rejects(read(), /down/)
      isDown = false
      assert.equal(await read(), 'up')
    })
})
