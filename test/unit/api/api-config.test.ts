import assert from 'node:assert/strict'
import { apiConfig } from '../../../api/api-config.js'
import { ConfigError } from '../../../platform/config.js'

const GOOD = {
  DATABASE_URL: 'postgres://u:p@h:5432/d',
  KAFKA_BROKERS: 'a:9092',
  SCHEMA_REGISTRY_URL: 'http://h:8080',
  TEMPORAL_ADDRESS: 'h:7233',
  GUARDIAN_ADMIN_KEY: 'abcdefghijklmnopqrstuvwxyz-0123456789',
}

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    apiConfig({ ...GOOD, ...env })
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.faults
  }
  return []
}

describe('the configuration of the API', () => {
  it('has defaults that fit each other', () => assert.deepEqual(faultsOf({}), []))

  it('has no time-out that is longer than what waits for it, names all that are, and takes none for another', () => {
    const waits = ['API_QUERY_TIMEOUT_MS', 'API_LOG_READ_TIMEOUT_MS', 'API_COLLECTOR_DEADLINE_MS']
    const env = Object.fromEntries(waits.map((name) => [name, '20000']))
    assert.deepEqual(faultsOf({ ...env, API_REQUEST_TIMEOUT_MS: '20001' }), [])
    const late = waits.map((name) => `${name}: not below API_REQUEST_TIMEOUT_MS`)
    assert.deepEqual(faultsOf({ ...env, API_REQUEST_TIMEOUT_MS: '20000' }), late)
    assert.deepEqual(faultsOf({ API_REQUEST_TIMEOUT_MS: '60000', API_IDEMPOTENCY_IN_FLIGHT_SECONDS: '60' }), [
      'API_REQUEST_TIMEOUT_MS: not below API_IDEMPOTENCY_IN_FLIGHT_SECONDS',
    ])
  })

  it('cuts to it what other processes may wait for', () => {
    const long = { PG_CONNECT_TIMEOUT_MS: '60000', SCHEMA_REGISTRY_TIMEOUT_MS: '60000' }
    const config = apiConfig({ ...GOOD, ...long, API_REQUEST_TIMEOUT_MS: '20000' })
    assert.deepEqual([config.PG_CONNECT_TIMEOUT_MS, config.SCHEMA_REGISTRY_TIMEOUT_MS], [19_999, 19_999])
  })

  it('leaves a connection to others than reports', () => {
    assert.deepEqual(faultsOf({ API_REPORTS_AT_WORK: '3', PG_POOL_MAX: '4' }), [])
    const [fault] = faultsOf({ API_REPORTS_AT_WORK: '4', PG_POOL_MAX: '4' })
    assert.match(fault ?? '', /^API_REPORTS_AT_WORK: not below PG_POOL_MAX/)
  })
})
