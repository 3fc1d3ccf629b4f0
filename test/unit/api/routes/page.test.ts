import assert from 'node:assert/strict'
import { pageOf, wholeList } from '../../../../api/routes/page.js'

describe('pageOf', () => {
  const show = (n: number) => ({ id: `row-${n}` })
  const page = (rows: readonly number[]) => pageOf(rows, 2, show, ({ id }) => id)

  it('goes on after the last row that it shows, as long as there are others', () => {
    assert.deepEqual(page([7, 8, 9]), {
      data: [{ id: 'row-7' }, { id: 'row-8' }],
      page: { next_cursor: 'row-8', limit: 2 },
    })
  })

  it('is the last one when no row was read beyond it', () => {
    assert.deepEqual(page([7, 8]), {
      data: [{ id: 'row-7' }, { id: 'row-8' }],
      page: { next_cursor: null, limit: 2 },
    })
    assert.deepEqual(page([]), { data: [], page: { next_cursor: null, limit: 2 } })
  })
})

describe('wholeList', () => {
  it('is one page of all that there is', () => {
    assert.deepEqual(wholeList(['a', 'b']), { data: ['a', 'b'], page: { next_cursor: null, limit: 2 } })
  })
})
