import assert from 'node:assert/strict'
import pg from 'pg'
import { asStoreError, breaksConnection, classifyStoreError, sqlStateOf } from '../../../db/store-error.js'
import { ERROR_CODES, GuardianError, isRetryable, type ErrorCode } from '../../../domain/errors.js'

function serverError(code: string, more: object = {}): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('secret value in the text', 10, 'error'), {
    code,
    severity: 'ERROR',
    ...more,
  })
}
const nodeError = (code: string) => Object.assign(new Error(code), { code })

const CASES: readonly (readonly [what: string, error: unknown, code: ErrorCode | undefined, isTriedAgain: boolean])[] =
  [
    ['serialization failure', serverError('40001'), 'GRD_STORE_CONFLICT', true],
    ['deadlock', serverError('40P01'), 'GRD_STORE_CONFLICT', true],
    ['lock not available', serverError('55P03'), 'GRD_STORE_CONFLICT', true],
    ['statement timeout', serverError('57014'), 'GRD_STORE_TIMEOUT', true],
    ['idle in transaction', serverError('25P03'), 'GRD_STORE_TIMEOUT', true],
    ['admin shutdown', serverError('57P01'), 'GRD_STORE_UNAVAILABLE', true],
    ['crash shutdown', serverError('57P02'), 'GRD_STORE_UNAVAILABLE', true],
    ['starting up', serverError('57P03'), 'GRD_STORE_UNAVAILABLE', true],
    ['connection failure', serverError('08006'), 'GRD_STORE_UNAVAILABLE', true],
    ['too many connections', serverError('53300'), 'GRD_STORE_UNAVAILABLE', true],
    ['disk full', serverError('53100'), 'GRD_STORE_UNAVAILABLE', true],
    ['no partition', serverError('23514', { routine: 'ExecFindPartition' }), 'GRD_PARTITION_MISSING', false],
    ['check violation', serverError('23514', { routine: 'ExecConstraints' }), 'GRD_STORE_REFUSED', false],
    ['unique violation', serverError('23505'), 'GRD_STORE_REFUSED', false],
    ['no such table', serverError('42P01'), 'GRD_STORE_REFUSED', false],
    ['wrong password', serverError('28P01'), 'GRD_STORE_REFUSED', false],
    ['database dropped', serverError('57P04'), 'GRD_STORE_REFUSED', false],
    ['refused', nodeError('ECONNREFUSED'), 'GRD_STORE_UNAVAILABLE', true],
    ['reset', nodeError('ECONNRESET'), 'GRD_STORE_UNAVAILABLE', true],
    ['name not found', nodeError('ENOTFOUND'), 'GRD_STORE_UNAVAILABLE', true],
    ['no socket left', nodeError('EMFILE'), 'GRD_STORE_UNAVAILABLE', true],
    ['cut', new Error('Connection terminated unexpectedly'), 'GRD_STORE_UNAVAILABLE', true],
    ['no connection in time', new Error('timeout exceeded when trying to connect'), 'GRD_STORE_UNAVAILABLE', true],
    ['client gone', new Error('Client was closed and is not queryable'), 'GRD_STORE_UNAVAILABLE', true],
    ['no answer in time', new Error('Query read timeout'), 'GRD_STORE_TIMEOUT', true],
    ['pool ended', new Error('Cannot use a pool after calling end on the pool'), 'GRD_SHUTDOWN', false],
    ['own mistake', new TypeError('x is not a function'), undefined, true],
    ['text thrown', 'text', undefined, true],
    ['nothing thrown', undefined, undefined, true],
  ]

describe('classifyStoreError', () => {
  for (const [what, error, code, isTriedAgain] of CASES)
    it(`${what} is ${code ?? 'not of the database'}, ${isTriedAgain ? '' : 'not '}tried again`, () => {
      assert.equal(classifyStoreError(error), code)
      const mapped = asStoreError(error, 'insert anomalies')
      assert.equal(isRetryable(mapped), isTriedAgain)
      if (code === undefined) assert.equal(mapped, error)
      else {
        assert.ok(mapped instanceof GuardianError)
        assert.equal(mapped.code, code)
        assert.equal(mapped.cause, error)
        assert.doesNotMatch(mapped.message, /secret/)
      }
    })

  it('gives every GuardianError its own code back', () => {
    for (const code of ERROR_CODES) {
      const error = new GuardianError(code, 'x')
      assert.equal(classifyStoreError(error), code)
      assert.equal(asStoreError(error, 'y'), error)
    }
  })

  it('does not take a code of five capitals for a SQLSTATE when PostgreSQL did not send it', () => {
    assert.equal(classifyStoreError(nodeError('EPERM')), undefined)
    assert.equal(sqlStateOf(nodeError('EPIPE')), undefined)
  })

  it('finds the SQLSTATE behind the errors that wrap it', () => {
    assert.equal(
      sqlStateOf(new Error('outer', { cause: new Error('inner', { cause: serverError('40001') }) })),
      '40001',
    )
  })
})

describe('breaksConnection', () => {
  it('is said of a lost connection, a timeout, an unknown commit and a mistake of our own; of nothing else', () => {
    const broken = CASES.filter(([, error]) => breaksConnection(error)).map(([, , code]) => code)
    assert.deepEqual(new Set(broken), new Set(['GRD_STORE_UNAVAILABLE', 'GRD_STORE_TIMEOUT', undefined]))
    assert.equal(breaksConnection(new GuardianError('GRD_COMMIT_UNKNOWN', 'x')), true)
    assert.equal(breaksConnection(new GuardianError('GRD_FENCED', 'x')), false)
  })
})
