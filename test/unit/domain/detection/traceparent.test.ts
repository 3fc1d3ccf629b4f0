import assert from 'node:assert/strict'
import { traceparentOf } from '../../../../domain/detection/traceparent.js'

const GOOD = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('traceparentOf', () => {
  it('takes what is well-formed, as it is', () => {
    for (const header of [GOOD, GOOD.replace(/01$/, '00')]) assert.equal(traceparentOf(header), header)
  })

  it('drops everything else', () => {
    const malformed = [
      '',
      GOOD.slice(0, -1),
      `${GOOD}-x`,
      `${GOOD}\n`,
      ` ${GOOD}`,
      GOOD.toUpperCase(),
      GOOD.replace(/^00/, 'ff'),
      GOOD.replace(/^00/, '01'),
      GOOD.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
      GOOD.replace('b7ad6b7169203331', '0'.repeat(16)),
    ]
    for (const header of [undefined, ...malformed]) assert.equal(traceparentOf(header), undefined, header)
  })
})
