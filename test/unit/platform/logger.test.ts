import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const LOGGER = new URL('../../../platform/logger.js', import.meta.url).href
const CANARY = 'canary-7f3a'

/** What a process writes that logs as `body` says: the logger's own output is its standard error. */
async function written(body: string, level = 'info'): Promise<{ lines: Record<string, unknown>[]; stdout: string }> {
  const script = `import { createLogger } from ${JSON.stringify(LOGGER)}
    const CANARY = ${JSON.stringify(CANARY)}
    const log = createLogger('detector', ${JSON.stringify(level)})
    ${body}`
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  const lines = stderr.split('\n').filter((line) => line !== '')
  return { lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stdout }
}

describe('createLogger', function () {
  this.timeout(20_000)

  it('writes one JSON object a line to standard error, and nothing to standard output', async () => {
    const { lines, stdout } = await written(`log.info({ partition: 3 }, 'assigned'); log.debug('unseen')`)
    assert.equal(stdout, '')
    assert.equal(lines.length, 1)
    const { level, process: name, partition, msg, time } = lines[0] ?? {}
    assert.deepEqual([level, name, partition, msg], ['info', 'detector', 3, 'assigned'])
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it('keeps an error with its stack and its cause', async () => {
    const { lines } = await written(`log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed')`)
    const { message, stack } = lines[0]?.['err'] as { message: string; stack: string }
    assert.match(message, /outer.*inner/)
    assert.match(stack, /caused by: Error: inner/)
  })

  it('never writes a secret, however deep it stands, in a child or in an error', async () => {
    const { lines } = await written(`
      const names = ['password', 'token', 'authorization', 'cookie', 'apiKey', 'adminKey', 'url', 'connectionString']
      for (const name of names) {
        const secret = { [name]: CANARY, kept: 1 }
        log.info({ ...secret }, 'top')
        log.info({ a: secret }, 'one')
        log.info({ a: { b: secret } }, 'two')
        log.info({ a: { b: { c: secret } } }, 'three')
        log.info({ headers: [secret] }, 'list')
        log.child({ request: secret }).info('child')
        log.error({ err: Object.assign(new Error('x'), secret) }, 'error')
        log.error({ err: Object.assign(new Error('x'), { config: secret }) }, 'error with settings')
      }`)
    assert.equal(lines.length, 64)
    const leaks = lines.filter((line) => JSON.stringify(line).includes(CANARY)).map(({ msg }) => msg)
    assert.deepEqual([...new Set(leaks)], [])
    assert.ok(lines.every((line) => JSON.stringify(line).includes('"kept":1')))
  })
})
