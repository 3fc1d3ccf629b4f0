import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalStack } from '../../../../deploy/local/local-stack.js'
import { SERVER_NAMES } from '../../../../deploy/local/servers.js'
import { planPorts } from '../../../../deploy/local/stack-settings.js'
import { startKeeper } from '../../../../deploy/local/start-keeper.js'
import { loadConfig } from '../../../../platform/config.js'

describe('the addresses of a local stack', () => {
  it('hold that of Temporal while it is still being fetched, and leave no variable empty that a command reads', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'guardian-stack-'))
    const keeper = startKeeper()
    const env = { GUARDIAN_TEMPORAL_PORT: '7333' }
    const stack = await LocalStack.open({
      ...{ env, dataDir, keeper, brokers: 1, demoRate: undefined, compile: undefined },
      parts: SERVER_NAMES,
      ports: planPorts(env, 1, SERVER_NAMES),
      signal: new AbortController().signal,
    })
    const config = loadConfig(['TEMPORAL_ADDRESS', 'TEMPORAL_UI_URL', 'ARCHIVE_URL', 'PORT'], stack.addresses())
    assert.equal(config.TEMPORAL_ADDRESS, '127.0.0.1:7333')
    await keeper.close()
    rmSync(dataDir, { recursive: true })
  })
})
