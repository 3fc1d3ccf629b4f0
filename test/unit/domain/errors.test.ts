import assert from 'node:assert/strict'
import { ERROR_CODES, GuardianError, isRetryable } from '../../../domain/errors.js'

/** Said again here on purpose: whether a code is tried again is a promise to whoever waits for it. */
const TRIED_AGAIN = new Set([
  'GRD_STORE_UNAVAILABLE',
  'GRD_STORE_TIMEOUT',
  'GRD_STORE_CONFLICT',
  'GRD_TEMPORAL_UNAVAILABLE',
  'GRD_DELIVERY_PENDING',
])

describe('GuardianError', () => {
  for (const code of ERROR_CODES)
    it(`${code} is ${TRIED_AGAIN.has(code) ? '' : 'not '}tried again, and keeps its code, message and cause`, () => {
      const cause = new Error('root')
      const error = new GuardianError(code, 'what was attempted', { cause })
      assert.equal(isRetryable(error), TRIED_AGAIN.has(code))
      assert.deepEqual(
        [error.name, error.code, error.message, error.cause],
        ['GuardianError', code, 'what was attempted', cause],
      )
      assert.ok(error instanceof Error)
      assert.match(code, /^GRD_[A-Z_]+$/)
    })

  it('has no code twice', () => {
    assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length)
    for (const code of TRIED_AGAIN) assert.ok((ERROR_CODES as readonly string[]).includes(code), code)
  })
})

describe('isRetryable', () => {
  it('tries again what it does not know', () => {
    for (const thrown of [new Error('x'), new TypeError('x'), 'text', 7, null, undefined, { code: 'GRD_FENCED' }])
      assert.equal(isRetryable(thrown), true)
  })
})
