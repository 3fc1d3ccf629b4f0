import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkSettings } from '../../../../deploy/local/check-settings.js'
import { completeEnvFile } from '../../../../deploy/local/env-file.js'
import { SERVER_NAMES } from '../../../../deploy/local/servers.js'
import { setupFault } from '../../../../deploy/local/setup-fault.js'
import type { Env } from '../../../../platform/env.js'
import { readFileSync } from 'node:fs'
import { parse } from 'dotenv'

describe('the settings of a local stack', () => {
  let env: Env = {}
  before(() => {
    const dir = mkdtempSync(join(tmpdir(), 'guardian-settings-'))
    completeEnvFile(join(dir, '.env'))
    env = parse(readFileSync(join(dir, '.env')))
    rmSync(dir, { recursive: true })
  })
  const faultOf = (more: Env): string => {
    try {
      checkSettings({ ...env, ...more }, SERVER_NAMES)
      return ''
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
  }

  it('are right as the first start writes them, with no server named, or an empty name', () => {
    assert.equal(faultOf({}), '')
    assert.equal(faultOf({ DATABASE_URL: '', TEMPORAL_ADDRESS: '' }), '')
  })

  it('that one process refuses are named before anything starts, without their values', () => {
    const said = faultOf({
      ALERT_BURST_WARNING: '77777',
      ALERT_BURST_CRITICAL: '3',
      RULES_REFRESH_MS: 'soon-ish',
      SMTP_URL: 'smtp://h',
    })
    for (const name of [
      'ALERT_BURST_CRITICAL: below ALERT_BURST_WARNING',
      'RULES_REFRESH_MS: ',
      'ALERT_EMAIL_TO: missing',
    ])
      assert.ok(said.includes(name), said)
    for (const value of ['77777', 'soon-ish', 'smtp://h']) assert.ok(!said.includes(value), said)
  })

  it('of a server that is not started here are checked as they are', () => {
    assert.throws(
      () => checkSettings({ ...env, KAFKA_BROKERS: 'here' }, ['postgres', 'registry', 'temporal']),
      /KAFKA_BROKERS: not a list/,
    )
  })
})

describe('a setup that failed', () => {
  const output = (code: string | null) =>
    new Error(`node ended with 1: guardian: what it was\n${JSON.stringify({ error: 'what it was', code })}`)

  it('is explained in its own words', () => {
    assert.equal(setupFault(output(null), true, '/logs').message, 'guardian setup failed: what it was')
    assert.equal(setupFault(new Error('ENOENT'), true, '/logs').message, 'guardian setup failed: ENOENT')
  })

  it('advises to delete the data only where the data is the cause, and this stack has it', () => {
    assert.match(setupFault(output('GRD_MIGRATION'), true, '/logs').remedy, /or delete all data .* npm run reset/)
    for (const fault of [
      setupFault(output('REGISTRY_UNAVAILABLE'), true, '/logs'),
      setupFault(output('KAFKA_UNAVAILABLE'), true, '/logs'),
      setupFault(output('GRD_STORE_UNAVAILABLE'), true, '/logs'),
      setupFault(output('GRD_MIGRATION'), false, '/logs'),
      setupFault(new Error('killed'), true, '/logs'),
    ])
      assert.ok(!fault.remedy.includes('reset'), fault.remedy)
  })
})
