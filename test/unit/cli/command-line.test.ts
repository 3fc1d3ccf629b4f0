import assert from 'node:assert/strict'
import { runGuardian } from '../../support/child-process.js'

/** No server is named, and none is to be found. */
const NOWHERE = { GUARDIAN_DATA_DIR: '/nonexistent', DATABASE_URL: '', KAFKA_BROKERS: '', SCHEMA_REGISTRY_URL: '' }

describe('the guardian command', function () {
  this.timeout(30_000)

  for (const args of [
    ['nonsense'],
    ['ingest'],
    ['ingest', 'file', '--reorder', '-1'],
    ['ingest', 'file', '--unknown'],
    ['simulate', '--rate', '0'],
    ['simulate', '--day', 'x'],
    ['simulate', '--live', '--day', '2026-01-01'],
    ['setup', 'extra', 'words'],
  ])
    it(`ends with 2 on wrong use: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runGuardian([...args, '--json'], NOWHERE)
      assert.equal(code, 2, stderr)
      assert.ok('error' in (JSON.parse(stdout) as object))
      assert.ok(stderr.length > 0 && !stderr.includes('    at '))
    })

  for (const args of [['setup'], ['simulate'], ['ingest', 'package.json']])
    it(`ends with 1, on one line that names what is not set: ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runGuardian([...args, '--json'], NOWHERE)
      assert.equal(code, 1)
      assert.match(stderr, /^guardian: .*KAFKA_BROKERS.*SCHEMA_REGISTRY_URL.*\n$/)
      assert.match((JSON.parse(stdout) as { error: string }).error, /KAFKA_BROKERS/)
    })

  it('ends with 0 when help is asked for', async () => {
    for (const args of [['--help'], ['help', 'ingest'], ['simulate', '--help']]) {
      const { code, stdout } = await runGuardian(args, NOWHERE)
      assert.equal(code, 0)
      assert.match(stdout, /^Usage: guardian/)
    }
  })
})
