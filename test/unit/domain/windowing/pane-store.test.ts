import assert from 'node:assert/strict'
import fc from 'fast-check'
import { PaneStore } from '../../../../domain/windowing/pane-store.js'
import type { PaneEvent } from '../../../../domain/windowing/pane-event.js'
import { propertyRuns } from '../property-runs.js'
import { paneIn } from './pane-in.js'

/** A pane as an object: what the store must say of it. */
interface ModelPane {
  readonly key: string
  readonly pane: number
  count: number
  readonly firstOffset: number
  lastOffset: number
  actor: string | null
  actorOffset: number
  readonly firstId: string
  lastId: string
  readonly values: Set<string>
}

type Model = Map<string, ModelPane>

type Move =
  | { readonly kind: 'add'; readonly key: number; readonly pane: number; readonly value: number; readonly id: number }
  | { readonly kind: 'drop'; readonly by: number }
  | { readonly kind: 'take'; readonly all: boolean }
  | { readonly kind: 'list' }
  | { readonly kind: 'restore' }

const anyMove: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      key: fc.nat({ max: 5 }),
      pane: fc.integer({ min: -2, max: 2 }),
      value: fc.integer({ min: -1, max: 12 }),
      id: fc.nat({ max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drop' as const), by: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), all: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'list' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'restore' as const }) },
)

const idOf = (id: string | Int32Array): string => (typeof id === 'string' ? id : id.join(' '))

const said = (store: PaneStore, slot: number): ModelPane => {
  const { firstId, lastId, values, ...same } = paneIn(store, slot)
  const texts = new Set(values)
  assert.equal(texts.size, values.length, 'a value is listed once')
  assert.equal(store.distinctOf(slot), values.length)
  assert.equal(store.countOf(slot), same.count)
  return { ...same, firstId: idOf(firstId), lastId: idOf(lastId), values: texts }
}

const inOrder = (panes: Iterable<ModelPane>): ModelPane[] =>
  [...panes]
    .map((pane) => ({ ...pane, values: new Set([...pane.values].sort()) }))
    .sort((a, b) => (`${a.key}/${a.pane + 1_000}` < `${b.key}/${b.pane + 1_000}` ? -1 : 1))

const slotsOf = (store: PaneStore, model: Model): number[] =>
  [...model.values()].map(({ key, pane }) => store.find(store.findKey(key), pane))

/** The store must hold what the model holds, and nothing else. */
function compare(store: PaneStore, model: Model): void {
  const slots = slotsOf(store, model)
  assert.ok(!slots.includes(-1), 'every pane is found')
  assert.deepEqual(inOrder(slots.map((slot) => said(store, slot))), inOrder(model.values()))
  assert.equal(store.paneCount, model.size)
  const keys = new Set([...model.values()].map(({ key }) => key))
  assert.equal(store.keyCount, keys.size)
  for (const key of keys) {
    const total = [...model.values()].filter((pane) => pane.key === key).reduce((sum, { count }) => sum + count, 0)
    assert.equal(store.totalOf(store.findKey(key)), total)
  }
  const held = [...model.values()].flatMap(({ actor, firstId, lastId, values }) => [
    ...values,
    ...[actor, ...[firstId, lastId].filter((id) => id.startsWith('id'))].filter((text) => text !== null),
  ])
  assert.equal(store.strings.size, new Set(held).size, 'no text is held for nothing')
}

function addBoth(
  store: PaneStore,
  model: Model,
  { key, pane, value, id }: Move & { kind: 'add' },
  offset: number,
  basePane: number,
): string {
  const keyText = `key ${key}`
  const at = basePane + pane
  const words = { w0: offset, w1: -offset, w2: id, w3: -1 }
  const event: PaneEvent = {
    offset,
    value: value < 0 ? null : `value ${value}`,
    actor: value % 3 === 0 ? `actor ${value % 2}` : null,
    id: words,
    idText: id === 0 ? `id ${offset}` : null,
  }
  const idText = event.idText ?? [offset, -offset, id, -1].join(' ')
  store.add(store.keyOf(keyText), at, event)
  const name = `${keyText}/${at}`
  const known = model.get(name)
  const inModel: ModelPane = known ?? {
    key: keyText,
    pane: at,
    count: 0,
    firstOffset: offset,
    lastOffset: offset,
    actor: null,
    actorOffset: -1,
    firstId: idText,
    lastId: idText,
    values: new Set(),
  }
  inModel.count++
  inModel.lastOffset = offset
  inModel.lastId = idText
  if (event.value !== null) inModel.values.add(String(event.value))
  if (event.actor !== null) {
    inModel.actor = String(event.actor)
    inModel.actorOffset = offset
  }
  model.set(name, inModel)
  return name
}

describe('PaneStore', () => {
  it('holds what a map of objects would, through drops, takes and restores', function () {
    this.timeout(20_000 + propertyRuns * 50)
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 150, size: 'max' }), (moves) => {
        const store = new PaneStore()
        let copy = new PaneStore()
        const model: Model = new Map()
        let changed = new Set<string>()
        let basePane = 100
        for (const [offset, move] of moves.entries()) {
          if (move.kind === 'add') changed.add(addBoth(store, model, move, offset, basePane))
          else if (move.kind === 'drop') {
            basePane += move.by
            store.dropBefore(basePane - 2)
            for (const [name, { pane }] of model)
              if (pane < basePane - 2) {
                model.delete(name)
                changed.delete(name)
              }
          } else if (move.kind === 'list') {
            store.markAllChanged()
            changed = new Set(model.keys())
          } else {
            const all = move.kind === 'take' && move.all
            const taken = store.takeChanged(all).map((slot) => paneIn(store, slot))
            const expected = all ? [...model.keys()] : [...changed]
            assert.deepEqual(taken.map(({ key, pane }) => `${key}/${pane}`).sort(), expected.sort())
            changed.clear()
            if (move.kind === 'restore' && offset % 2 === 0) copy = new PaneStore()
            const missing = copy.paneCount === 0 ? store.takeChanged(true).map((slot) => paneIn(store, slot)) : taken
            for (const pane of missing) copy.restore(pane)
            copy.dropBefore(basePane - 2)
            compare(copy, model)
            assert.deepEqual(copy.takeChanged(false), [], 'what is put back has not changed')
          }
          if (offset % 10 === 0) compare(store, model)
        }
        compare(store, model)
      }),
      { numRuns: propertyRuns },
    )
  })

  const event = (offset: number, value: string | null = null): PaneEvent => ({
    offset,
    value,
    actor: null,
    id: { w0: 1, w1: 2, w2: 3, w3: 4 },
    idText: null,
  })

  it('keeps any number of distinct values in a pane', () => {
    const store = new PaneStore()
    const key = store.keyOf('k')
    for (let i = 0; i < 500; i++) store.add(key, 1, event(i, `v-${i % 100}`))
    const slot = store.find(key, 1)
    assert.equal(store.distinctOf(slot), 100)
    assert.equal(new Set(store.valuesOf(slot)).size, 100)
    store.dropBefore(2)
    assert.equal(store.strings.size, 0)
    store.add(store.keyOf('other'), 2, event(501, 'v'))
    assert.equal(store.distinctOf(store.find(store.findKey('other'), 2)), 1, 'the slot was used again, and is clean')
  })

  it('gathers the panes of a window into their places', () => {
    const store = new PaneStore()
    const key = store.keyOf('k')
    for (const pane of [4, 7, 5, 9]) store.add(key, pane, event(pane))
    store.add(store.keyOf('other'), 6, event(1))
    const slots = new Int32Array(4).fill(99)
    store.gather(key, 5, slots)
    assert.deepEqual([...slots], [store.find(key, 5), -1, store.find(key, 7), -1])
  })

  it('grows past its first size, block by block', () => {
    const store = new PaneStore()
    const panes = 140_000
    for (let i = 0; i < panes; i++) store.add(store.keyOf(`k-${i}`), i % 3, event(i, `v-${i}`))
    for (let i = 0; i < panes; i++) {
      const { key, count, firstOffset, values } = paneIn(store, store.find(store.findKey(`k-${i}`), i % 3))
      assert.deepEqual([key, count, firstOffset, values], [`k-${i}`, 1, i, [`v-${i}`]])
    }
    assert.ok(store.bytes >= panes * 24 * 4)
    assert.ok(store.blocks.bytes <= (panes + 65_536) * 24 * 4, 'no more than a block idles')
  })

  it('stays as large as what is live, also when nobody takes what changed', () => {
    const store = new PaneStore()
    store.add(store.keyOf('k'), 0, event(0))
    const bytes = store.bytes
    for (let i = 0; i < 100_000; i++) {
      store.add(store.keyOf(`k-${i}`), i, event(i, `v-${i}`))
      store.dropBefore(i - 10)
    }
    assert.ok(store.bytes < bytes + 20_000, `${store.bytes} bytes`)
    assert.equal(store.takeChanged(false).length, 11)
  })

  it('knows no key that it does not hold', () => {
    const store = new PaneStore()
    assert.equal(store.findKey('k'), -1)
    assert.throws(() => store.keyTexts.textOf(0), RangeError)
  })
})
