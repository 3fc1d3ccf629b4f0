import assert from 'node:assert/strict'
import fc from 'fast-check'
import { WordReader, WordWriter } from '../../../../../domain/detection/snapshot/words.js'
import { TextTable } from '../../../../../domain/windowing/text-table.js'
import { propertyRuns } from '../../property-runs.js'

const anyPart = fc.oneof(
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('run' as const), value: fc.int32Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('textOf' as const), value: fc.string({ unit: 'grapheme-ascii', maxLength: 60 }) }),
)

describe('WordWriter and WordReader', () => {
  it('give back what was written, and nothing after it', () => {
    fc.assert(
      fc.property(fc.array(anyPart), (parts) => {
        const writer = new WordWriter(1)
        const table = new TextTable()
        for (const { kind, value } of parts) {
          if (kind === 'run') writer.run(value)
          else if (kind === 'text') writer.text(value)
          else if (kind === 'textOf') writer.textOf(table, table.add(value))
          else writer[kind](value)
        }
        const words = writer.finish()
        assert.equal(words.length, writer.length)
        // Somewhere in a larger run of words, of which the others are not looked at.
        const among = new Int32Array(words.length + 2).fill(-1)
        among.set(words, 1)
        const reader = new WordReader(among.subarray(1, words.length + 1))
        for (const { kind, value } of parts) {
          if (kind === 'run') assert.deepEqual([...reader.run()], [...value])
          else assert.deepEqual(reader[kind === 'textOf' ? 'text' : kind](), value)
        }
        assert.ok(reader.done)
        assert.throws(() => reader.i32(), RangeError)
      }),
      { numRuns: propertyRuns },
    )
  })

  it('write the same words for the same texts, whatever lay in the memory before', () => {
    const [fresh, used] = [new WordWriter(), new WordWriter()]
    used.run(new Int32Array(100).fill(-1))
    used.wrote(0)
    for (const writer of [fresh, used]) for (const text of ['é', 'abcde', '', '日本']) writer.text(text)
    assert.deepEqual(used.finish(), fresh.finish())
  })

  it('grow past their first size, also for one large part', () => {
    const writer = new WordWriter()
    writer.i32(9)
    writer.run(new Int32Array(1_000_000).fill(7))
    const reader = new WordReader(writer.finish())
    assert.equal(reader.i32(), 9)
    assert.ok(reader.run().every((word) => word === 7))
  })

  it('refuse a length that is negative or runs past the end, and a text that is longer than packed ones are', () => {
    for (const length of [-1, 5, 2 ** 31 - 1]) {
      const writer = new WordWriter()
      writer.i32(length)
      assert.throws(() => new WordReader(writer.finish()).run(), RangeError)
    }
    const writer = new WordWriter()
    writer.run(new Int32Array(49))
    assert.throws(() => new WordReader(writer.finish()).text(), /packed/)
  })
})
