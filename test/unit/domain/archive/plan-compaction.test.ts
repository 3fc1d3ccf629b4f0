import assert from 'node:assert/strict'
import fc from 'fast-check'
import { planCompaction, type CompactableFile } from '../../../../domain/archive/plan-compaction.js'

const LIMITS = { fileBytes: 1_000, filesPerMerge: 4 }

/** Files of one partition, one behind the other in the log, with these sizes. */
const filesOf = (sizes: readonly number[], partition = 0, log = 1): CompactableFile[] =>
  sizes.map((bytes, n) => ({
    ...{ path: `${partition}-${n}`, topic: 'km.clicks.v1', partition, log, rows: 10, bytes },
    ...{ firstOffset: n * 20, lastOffset: n * 20 + 15 },
  }))

const paths = (files: readonly CompactableFile[]): string[][] =>
  planCompaction(files, LIMITS).map((run) => run.map(({ path }) => path))

describe('planCompaction', () => {
  it('puts small files that follow each other together, each partition for itself', () => {
    assert.deepEqual(paths([...filesOf([10, 10, 10]), ...filesOf([10, 10], 1)]), [
      ['0-0', '0-1', '0-2'],
      ['1-0', '1-1'],
    ])
    assert.deepEqual(paths([...filesOf([10]), ...filesOf([10], 1)]), [], 'one file alone stays')
    assert.deepEqual(paths([]), [])
  })

  it('stays within the bytes and the files of a merge', () => {
    assert.deepEqual(paths(filesOf([400, 400, 400, 400, 100])), [
      ['0-0', '0-1'],
      ['0-2', '0-3', '0-4'],
    ])
    assert.deepEqual(paths(filesOf(Array(6).fill(10) as number[])), [
      ['0-0', '0-1', '0-2', '0-3'],
      ['0-4', '0-5'],
    ])
  })

  it('leaves files alone that have half of it, and never reaches over one', () => {
    assert.deepEqual(paths(filesOf([10, 500, 10, 10, 900, 10])), [['0-2', '0-3']])
  })

  it('does not put files of two logs together, although one goes on behind the offsets of the other', () => {
    const [first, second, third] = [filesOf([10]), filesOf([10, 10]), filesOf([10, 10, 10], 0, 2)]
    assert.deepEqual(paths([...first, ...third.slice(1)]), [['0-1', '0-2']])
    assert.deepEqual(paths([...second, ...third]).length, 2)
  })

  it('does not put together what lies over each other in the log', () => {
    const [first, second, third] = filesOf([10, 10, 10])
    assert.ok(first && second && third)
    assert.deepEqual(paths([first, { ...second, firstOffset: 10 }, third]), [['0-1', '0-2']])
  })

  it('never names a file twice, never passes a limit, and keeps the order of the log (any sizes)', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1_200 }), { maxLength: 40 })
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        const files = [...filesOf(a), ...filesOf(b, 1)]
        const runs = planCompaction(files, LIMITS)
        const planned = runs.flat()
        assert.equal(new Set(planned.map(({ path }) => path)).size, planned.length)
        for (const run of runs) {
          assert.ok(run.length >= 2 && run.length <= LIMITS.filesPerMerge)
          assert.ok(run.reduce((sum, { bytes }) => sum + bytes, 0) <= LIMITS.fileBytes)
          const between = files.filter(
            (file) =>
              file.partition === run[0]?.partition &&
              file.firstOffset >= run[0].firstOffset &&
              file.lastOffset <= (run.at(-1)?.lastOffset ?? 0),
          )
          assert.deepEqual(run, between, 'no file of the partition lies between them')
        }
      }),
    )
  })
})
