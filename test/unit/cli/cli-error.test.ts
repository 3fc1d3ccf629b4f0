import assert from 'node:assert/strict'
import { errorLine } from '../../../cli/cli-error.js'
import { ConfigError, loadConfig } from '../../../platform/config.js'

describe('errorLine', () => {
  it('is one line that names every missing variable, and no stack', () => {
    let caught: unknown
    try {
      loadConfig(['DATABASE_URL', 'KAFKA_BROKERS'], {})
    } catch (error) {
      caught = error
    }
    assert.ok(caught instanceof ConfigError)
    const line = errorLine(caught)
    assert.match(line, /DATABASE_URL: missing; KAFKA_BROKERS: missing/)
    assert.ok(!line.includes('\n') && !line.includes('    at '))
  })

  it('tells the causes, each once', () => {
    const inner = new Error('connection refused')
    const line = errorLine(new Error('producer did not start: no broker', { cause: new AggregateError([inner], '') }))
    assert.equal(line, 'producer did not start: no broker: connection refused')
    assert.equal(errorLine(new Error('a: b', { cause: new Error('b') })), 'a: b')
    assert.equal(errorLine('text'), 'text')
    const faults = [new Error('no database', { cause: inner }), new Error('no broker')]
    assert.equal(errorLine(new AggregateError(faults, 'setup')), 'setup: no database: connection refused: no broker')
  })
})
