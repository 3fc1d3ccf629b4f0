import assert from 'node:assert/strict'
import { OpenWindows, type OpenWindow } from '../../../../domain/detection/open-windows.js'
import { asInForce, oracleRule } from './random-log.js'

const RULE = asInForce(oracleRule('r', 'active', 1, { windowMs: 10_000, slideMs: 10_000, minEvents: 1 }))

const openWindow = (sessionId: string, endPane: number, changed = false): OpenWindow => ({
  rule: RULE,
  sessionId,
  startPane: endPane - 1,
  endPane,
  producedMs: 0,
  kafkaMs: 0,
  crossed: { event_id: 'e', offset: 0, events: 1, distinct_items: 0 },
  changed,
})

const filled = (...windows: readonly OpenWindow[]): OpenWindows => {
  const open = new OpenWindows()
  for (const window of windows) open.add(window)
  return open
}

describe('OpenWindows', () => {
  it('finds the windows of a session', () => {
    const [a, b, c] = [openWindow('s', 5), openWindow('s', 6), openWindow('t', 5)]
    const open = filled(a, b, c)
    assert.deepEqual(open.of('s'), [a, b])
    assert.equal(open.of('nobody'), undefined)
    assert.equal(open.size, 3)
    assert.deepEqual(new Set(open.all()), new Set([a, b, c]))
  })

  it('takes out what has ended, by end and then as it was opened', () => {
    const [late, first, second, early] = [
      openWindow('s', 9),
      openWindow('t', 5),
      openWindow('s', 5),
      openWindow('s', 3),
    ]
    const open = filled(late, first, second, early)
    assert.deepEqual(open.takeEnded(2), [])
    assert.deepEqual(open.takeEnded(5), [early, first, second])
    assert.deepEqual(open.of('s'), [late])
    assert.equal(open.of('t'), undefined)
    assert.equal(open.size, 1)
    assert.deepEqual(open.takeEnded(Number.POSITIVE_INFINITY), [late])
    assert.equal(open.size, 0)
  })

  it('gives out each window with news once', () => {
    const [a, b] = [openWindow('s', 5), openWindow('t', 5)]
    const open = filled(a, b)
    assert.deepEqual(open.takeChanged(), [])
    open.markChanged(b)
    open.markChanged(a)
    open.markChanged(b)
    assert.deepEqual(open.takeChanged(), [b, a])
    assert.deepEqual(open.takeChanged(), [])
    open.markChanged(a)
    assert.deepEqual(open.takeChanged(), [a])
  })

  it('does not give out news of a window that has ended', () => {
    const [a, b] = [openWindow('s', 5), openWindow('t', 6)]
    const open = filled(a, b)
    open.markChanged(a)
    open.markChanged(b)
    open.takeEnded(5)
    assert.deepEqual(open.takeChanged(), [b])
  })

  it('gives out a window that was added with news', () => {
    const window = openWindow('s', 5, true)
    assert.deepEqual(filled(window).takeChanged(), [window])
  })
})
