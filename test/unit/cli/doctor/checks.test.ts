import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { checkLines } from '../../../../cli/doctor/check.js'
import { checkServers, endpointOf } from '../../../../cli/doctor/server-checks.js'
import { createLogger } from '../../../../platform/logger.js'

describe('doctor', () => {
  const log = createLogger('test', 'fatal')

  it('finds host and port in every kind of address, and no password', () => {
    assert.deepEqual(endpointOf('postgres://user:secret@db:5433/name'), { host: 'db', port: 5433 })
    assert.deepEqual(endpointOf('postgresql://db/name'), { host: 'db', port: 5432 })
    assert.deepEqual(endpointOf('a:9092, b:9093'), { host: 'a', port: 9092 })
    assert.deepEqual(endpointOf('https://registry/apis'), { host: 'registry', port: 443 })
    assert.deepEqual(endpointOf('[::1]:7233'), { host: '::1', port: 7233 })
  })

  it('says of servers that are not named how they come', async () => {
    const checks = await checkServers({}, log)
    assert.deepEqual(
      checks.map(({ state, remedy }) => [state, remedy]),
      Array.from({ length: 4 }, () => ['down', 'npm start']),
    )
  })

  it('says of servers that do not answer, or that are not what they should be, that they are down', async function () {
    this.timeout(20_000)
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const env = {
      DATABASE_URL: `postgres://u:secret@127.0.0.1:${port}/d`,
      KAFKA_BROKERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: `http://127.0.0.1:${port}`,
      TEMPORAL_ADDRESS: 'nonsense',
    }
    try {
      const checks = await checkServers(env, log)
      assert.ok(
        checks.every(({ state }) => state === 'down' || state === 'missing'),
        JSON.stringify(checks),
      )
      assert.ok(!JSON.stringify(checks).includes('secret'))
    } finally {
      server.close()
    }
  })

  it('prints a table with what to do below it', () => {
    const lines = checkLines([
      { name: 'Java', state: 'missing', found: 'not found', remedy: 'install it' },
      { name: 'Node.js', state: 'ok', found: 'v20', remedy: null },
    ])
    assert.deepEqual(lines, [
      'Java     missing  not found', //
      '                  → install it',
      'Node.js  ok       v20',
    ])
  })
})
