import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const module_ = (path: string) => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href)

/** One of every kind of secret, as a value, in a URL and in a file. */
const CANARIES: Readonly<Record<string, string>> = {
  KAFKA_SASL_PASSWORD: 'canary-kafka "quoted" \\ back',
  KAFKA_OAUTH_CLIENT_SECRET: 'canary-oauth-äöü',
  SCHEMA_REGISTRY_PASSWORD: 'canary-registry',
  SCHEMA_REGISTRY_TOKEN: 'canary-registry-token',
  TEMPORAL_API_KEY: 'canary-temporal-key',
  S3_ACCESS_KEY_ID: 'canary-s3-key',
  S3_SECRET_ACCESS_KEY: 'canary/s3+secret=',
  GUARDIAN_ADMIN_KEY: 'canary-admin-key',
  POSTGRES_API_PASSWORD: 'canary-login-of-api',
}
const IN_URLS: Readonly<Record<string, readonly [url: string, secret: string]>> = {
  DATABASE_URL: ['postgres://guardian:canary-pg%23word@db/d', 'canary-pg#word'],
  SMTP_URL: ['smtp://guardian:canary-mail%40@mail', 'canary-mail@'],
  SLACK_WEBHOOK_URL: ['https://receiver.example/services/canary-slack', 'services/canary-slack'],
}

/** Throws each secret, alone, in a URL, as a Basic login, and writes what was thrown by every way there is out of a process. */
const SCRIPT = `
  import { readEnv } from ${module_('platform/env.js')}
  import { createLogger } from ${module_('platform/logger.js')}
  import { errorLine } from ${module_('cli/cli-error.js')}
  import { explainFault } from ${module_('deploy/local/local-fault.js')}
  import { openTracing } from ${module_('platform/tracing.js')}
  import { redactError } from ${module_('platform/redact.js')}
  readEnv()
  const log = createLogger('test', 'trace')
  const { value: tracing, stop } = await openTracing(process.env.COLLECTOR, 'test')
  for (const secret of JSON.parse(process.env.SECRETS)) {
    const login = Buffer.from('user:' + secret).toString('base64')
    for (const text of [secret, encodeURIComponent(secret), 'https://u:' + encodeURIComponent(secret) + '@h/', 'Basic ' + login]) {
      const inner = Object.assign(new Error('refused ' + text), { detail: text, sent: [{ deep: { deeper: text } }] })
      const error = new AggregateError([inner], 'outer', { cause: new Error('middle ' + text, { cause: inner }) })
      log.error({ err: error, field: text, list: [text], any: { depth: { of: { it: text } } } }, 'said ' + text)
      log.child({ bound: text }).debug(text)
      console.log(errorLine(error), explainFault(error), explainFault(inner))
      const span = tracing.tracer.startSpan('s', { attributes: { text } })
      span.recordException(error)
      span.setStatus({ code: 2, message: text })
      span.addEvent('e', { text })
      span.end()
      redactError(error)
      console.log(error.stack, error.cause.stack, error.cause.message, inner.message)
    }
  }
  await stop()`

describe('a process with secrets', () => {
  it('writes none of them, by no way out of it', async function () {
    this.timeout(30_000)
    const dir = mkdtempSync(join(tmpdir(), 'guardian-sinks-'))
    const spans: string[] = []
    const collector = createServer((request, response) => {
      request.on('data', (part: Buffer) => spans.push(part.toString()))
      request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const inFiles = Object.entries(CANARIES).map(([name, secret], i): [string, string] => {
      if (i % 2 === 0) return [name, secret]
      writeFileSync(join(dir, name), secret, { mode: 0o600 })
      return [`${name}_FILE`, join(dir, name)]
    })
    const secrets = [...Object.values(CANARIES), ...Object.values(IN_URLS).map(([, secret]) => secret)]
    const env = {
      PATH: process.env['PATH'],
      GUARDIAN_DATA_DIR: dir,
      COLLECTOR: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      SECRETS: JSON.stringify(secrets),
      ...Object.fromEntries(inFiles),
      ...Object.fromEntries(Object.entries(IN_URLS).map(([name, [url]]) => [name, url])),
    }
    try {
      const args = ['--input-type=module', '-e', SCRIPT]
      const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 10_000_000 })
      const lines = stderr.split('\n').filter((line) => line !== '')
      assert.equal(lines.length, secrets.length * 8)
      for (const line of lines) JSON.parse(line)
      assert.ok(spans.join('').includes('[redacted]') && stdout.includes('refused [redacted]'))
      for (const [where, text] of Object.entries({ stdout, stderr, spans: spans.join('') })) {
        for (const secret of secrets) {
          const login = Buffer.from(`user:${secret}`).toString('base64')
          const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), login]
          for (const form of forms) assert.ok(!text.includes(form), `${where}: ${form}`)
        }
        assert.doesNotMatch(text, /canary/, where)
      }
    } finally {
      collector.closeAllConnections()
      collector.close()
      rmSync(dir, { recursive: true })
    }
  })
})
