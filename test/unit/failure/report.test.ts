import assert from 'node:assert/strict'
import { byId, withTable, type RowReport } from '../../failure/report.js'

const ROWS = ['A10', 'A2'].map((id) => ({ id, fault: `fault | of ${id}`, invariant: 'it holds' }))
const report = (of: Partial<RowReport>): RowReport => ({
  ...{ id: 'A2', fault: 'f', invariant: 'i', figure: '5/5', held: true, configuration: 'events 7' },
  ...{ run: 'full', seed: 3, revision: 'abc', seconds: 1.6 },
  ...of,
})
const EMPTY = 'before\n<!-- verify:begin -->\n<!-- verify:end -->\nafter\n'
const lines = (document: string) => document.split('\n').filter((line) => /^\| [A-Z]\d/.test(line))

describe('the table of the verification report', () => {
  it('says "not run" of a row that was not run, sorts by number and keeps the rest of the document', () => {
    const document = withTable(EMPTY, ROWS, [report({})])
    assert.match(document, /^before\n<!-- verify:begin -->\n[^]*<!-- verify:end -->\nafter\n$/)
    assert.deepEqual(lines(document), [
      '| A2 | f | i | 5/5 | PASS | events 7 | full | 3 | abc | 2 |',
      '| A10 | fault \\| of A10 | it holds | not run |  |  |  |  |  |  |',
    ])
  })

  it('keeps what earlier runs found, however often it is written', () => {
    const once = withTable(EMPTY, ROWS, [report({ figure: 'a | b' })])
    const twice = withTable(withTable(once, ROWS, []), ROWS, [report({ id: 'A10', held: false })])
    assert.match(lines(twice)[0] ?? '', /a \\\| b/)
    assert.match(lines(twice)[1] ?? '', /\*\*FAIL\*\*/)
    assert.equal(withTable(twice, ROWS, []), twice)
  })

  it('does not let a quick pass replace a full figure, but a quick failure does', () => {
    const full = withTable(EMPTY, ROWS, [report({})])
    assert.equal(withTable(full, ROWS, [report({ run: 'quick', figure: '1/1' })]), full)
    assert.match(withTable(full, ROWS, [report({ run: 'quick', held: false, figure: '0/1' })]), /0\/1/)
  })

  it('forgets rows that are no more, and refuses a document without markers', () => {
    const document = withTable(EMPTY, ROWS, [])
    assert.equal(lines(withTable(document, ROWS.slice(0, 1), [])).length, 1)
    assert.throws(() => withTable('nothing', ROWS, []), /verify:begin/)
  })

  it('sorts ids as people do', () =>
    assert.deepEqual([{ id: 'F1' }, { id: 'A10' }, { id: 'A2' }].sort(byId), [
      { id: 'A2' },
      { id: 'A10' },
      { id: 'F1' },
    ]))
})
