import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stackHint } from '../../../../cli/doctor/stack-hint.js'
import { isLock, takeLock } from '../../../../deploy/local/lock-file.js'
import { GuardianError } from '../../../../domain/errors.js'
import { ConfigError } from '../../../../platform/config.js'
import { PlatformError } from '../../../../platform/platform-error.js'

const NOT_SET = new ConfigError(['KAFKA_BROKERS: missing', 'TEMPORAL_ADDRESS: missing'])
const AWAY = new GuardianError('GRD_STORE_UNAVAILABLE', 'no answer')

describe('what a command says when it finds no server', () => {
  let dir = ''
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'guardian-hint-'))))
  afterEach(() => rmSync(dir, { recursive: true }))
  const hint = (error: Error, more: Record<string, string> = {}) =>
    stackHint(error, { GUARDIAN_DATA_DIR: dir, ...more }) ?? ''
  const hold = () => assert.ok(isLock(takeLock(join(dir, 'stack.lock'), '')))
  const writeAddresses = () => writeFileSync(join(dir, 'stack.env'), '')

  it('without a stack: that none runs, and how to start one, or what to set', () => {
    const said =
      'no stack is running: start one with `npm start`, or set KAFKA_BROKERS, TEMPORAL_ADDRESS to your servers'
    assert.equal(hint(NOT_SET), said)
    assert.equal(hint(NOT_SET, { KAFKA_BROKERS: '' }), said)
    assert.doesNotMatch(hint(NOT_SET, { KAFKA_BROKERS: 'kafka:9092' }), /KAFKA_BROKERS/)
  })

  it('while one starts: to wait', () => {
    hold()
    assert.match(hint(NOT_SET), /\(process \d+\) is still starting: wait/)
  })

  it('when a server of a stack does not answer: that it still starts, or that the stack was killed', () => {
    writeAddresses()
    for (const error of [AWAY, new Error('x', { cause: new PlatformError('KAFKA_UNAVAILABLE', 'no answer') })])
      assert.equal(hint(error), 'the stack was killed: start it with `npm start`')
    hold()
    assert.match(hint(AWAY), /\(process \d+\) still starts this server, or restarts it/)
  })

  it("when the error is another one, or the server is somebody else's: nothing", () => {
    assert.equal(hint(AWAY), '')
    writeAddresses()
    assert.equal(hint(new Error('no such rule')), '')
    assert.equal(hint(new ConfigError(['SLO_PERCENT: missing'])), '')
  })
})
