import assert from 'node:assert/strict'
import { anomalyListQuery } from '../../../schemas/rest/anomalies.js'

const query = anomalyListQuery(100)
const faults = (input: unknown): string[] =>
  query.safeParse(input).error?.issues.map((issue) => [issue.path.join('.'), issue.message].join(': ')) ?? []

describe('query of GET /anomalies', () => {
  it('needs nothing, and then asks for a page of 50', () => assert.deepEqual(query.parse({}), { limit: 50 }))

  it('asks for no more than a page may have, when that is less', () =>
    assert.deepEqual(anomalyListQuery(20).parse({}), { limit: 20 }))

  it('reads a day as its midnight in UTC, and a time in its own zone', () => {
    const { from, to } = query.parse({ from: '2026-10-01', to: '2026-10-02T02:00:00+02:00' })
    assert.equal(from?.toISOString(), '2026-10-01T00:00:00.000Z')
    assert.equal(to?.toISOString(), '2026-10-02T00:00:00.000Z')
  })

  const REFUSED: readonly (readonly [input: object, fault: RegExp])[] = [
    [{ limit: '0' }, /limit: not in 1\.\.100/],
    [{ limit: '101' }, /limit: not in 1\.\.100/],
    [{ limit: '' }, /limit: not a whole number/],
    [{ limit: '1e2' }, /limit: not a whole number/],
    [{ limit: '-1' }, /limit: not a whole number/],
    [{ limit: '99999999999999999999' }, /limit: not a whole number/],
    [{ limit: ['5'] }, /limit: expected one number/],
    [{ session: '' }, /session: must not be empty/],
    [{ session: 'a\0b' }, /session: has a control character/],
    [{ session: ['a', 'b'] }, /session: expected one text/],
    [{ session: 'a'.repeat(1_025) }, /session: longer/],
    [{ status: 'closed' }, /status: not one of/],
    [{ mode: 'draft' }, /mode: not one of/],
    [{ from: '2026-02-29' }, /from: not a date/],
    [{ from: '2026-10-01T00:00:00' }, /from: not a date/],
    [{ from: 'yesterday' }, /from: not a date/],
    [{ to: '9999-12-31T23:59:59-23:00' }, /to: not in 1970\.\.9999/],
    [{ from: '0000-01-01' }, /from: not in 1970\.\.9999/],
    [{ from: '2026-10-02', to: '2026-10-02' }, /to: not after from/],
    [{ cursor: 'x' }, /cursor: not an id/],
    [{ offset: '5' }, /Unrecognized key/],
  ]
  for (const [input, fault] of REFUSED)
    it(`refuses ${JSON.stringify(input).slice(0, 60)}`, () => assert.match(faults(input).join('\n'), fault))
})
