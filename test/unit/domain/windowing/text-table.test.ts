import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TextSlice } from '../../../../domain/text.js'
import { TextTable } from '../../../../domain/windowing/text-table.js'
import { propertyRuns } from '../property-runs.js'

const slice = (text: string): TextSlice => {
  const bytes = Buffer.from(text)
  return new TextSlice().set(bytes, 0, bytes.length)
}

describe('TextTable', () => {
  it('holds what a map would, whether texts come as strings or as bytes', () => {
    const anyMove = fc.tuple(fc.constantFrom('add', 'remove'), fc.nat({ max: 3_000 }), fc.boolean())
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 3_000, size: 'max' }), (moves) => {
        const table = new TextTable()
        const model = new Map<string, number>()
        for (const [move, n, asBytes] of moves) {
          const text = n % 7 === 0 ? `tëxt ${n}` : `text ${n}`
          const given = asBytes ? slice(text) : text
          const known = model.get(text)
          assert.equal(table.find(given), known ?? -1)
          if (move === 'add' && known === undefined) model.set(text, table.add(given))
          else if (move === 'remove' && known !== undefined) {
            table.remove(known)
            model.delete(text)
          }
          assert.equal(table.size, model.size)
        }
        assert.equal(new Set(model.values()).size, model.size, 'no two texts share a number')
        for (const [text, ref] of model) {
          assert.equal(table.find(text), ref)
          assert.equal(table.textOf(ref), text)
          assert.ok(table.isText(ref, slice(text)) && table.isText(ref, text))
          assert.ok(!table.isText(ref, `${text}!`))
        }
      }),
      { numRuns: Math.ceil(propertyRuns / 10) },
    )
  })

  it('throws for a number that no text has', () => {
    const table = new TextTable()
    const ref = table.add('a')
    table.remove(ref)
    for (const act of [() => table.textOf(ref), () => table.remove(ref), () => table.textOf(9)])
      assert.throws(act, RangeError)
  })
})
