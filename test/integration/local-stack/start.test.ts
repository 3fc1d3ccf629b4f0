import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'dotenv'
import { packageRoot } from '../../../platform/package-root.js'
import { withKey } from '../../support/api-keys.js'
import { LocalStart, nothingLeft, processesOf, stackEnvironment } from '../../support/local-start.js'
import { temporaryDir } from '../../support/stack.js'

const RUNNING = 'Clickstream Guardian is running'

interface AnomalyPage {
  readonly data: readonly { readonly session_id: string }[]
}

describe('npm start', function () {
  this.timeout(300_000)
  let dir = ''
  let dataDir = ''
  let env: Record<string, string> = {}
  const call = (path: string, body?: object): Promise<Response> => {
    const { GUARDIAN_ADMIN_KEY = '' } = parse(readFileSync(join(packageRoot, '.env')))
    return fetch(`http://127.0.0.1:${env['PORT'] ?? ''}${path}`, {
      headers: { ...withKey(GUARDIAN_ADMIN_KEY), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  }
  const anomalies = async () => (await (await call('/anomalies?limit=1000')).json()) as AnomalyPage

  before(async () => {
    dir = temporaryDir()
    dataDir = join(dir, 'data')
    env = await stackEnvironment(dataDir)
  })
  after(async () => {
    const reset = LocalStart.direct(env, 'reset')
    await reset.exited
    rmSync(dir, { recursive: true, force: true })
  })

  it('on half-finished data starts everything, shows anomalies, and ends with Ctrl-C', async () => {
    for (const folder of ['postgres/data.new/base', 'kafka/broker-1.new'])
      mkdirSync(join(dataDir, folder), { recursive: true })
    writeFileSync(join(dataDir, 'postgres/data.new/PG_VERSION'), '')
    const start = LocalStart.npm(env)
    await start.prints('first anomaly')
    assert.ok((await anomalies()).data.length > 0)
    const stackEnv = join(dataDir, 'stack.env')
    assert.equal(statSync(stackEnv).mode & 0o777, 0o600)
    assert.equal(parse(readFileSync(stackEnv))['KAFKA_BROKERS'], `127.0.0.1:${env['GUARDIAN_KAFKA_PORT'] ?? ''}`)

    const second = LocalStart.direct(env, 'start')
    assert.equal(await second.exited, 1)
    assert.match(
      second.output,
      new RegExp(`already running \\(process \\d+\\) at http://127.0.0.1:${env['PORT'] ?? ''}`),
    )
    const reset = LocalStart.direct(env, 'reset')
    assert.equal(await reset.exited, 1)
    assert.match(reset.output, /the stack is running/)

    const running = processesOf(dataDir)
    assert.ok(running.size >= 9, [...running.values()].join('\n'))
    start.killForeground('SIGINT')
    await start.exited
    await nothingLeft(dataDir, running)
    assert.match(start.output, /nothing is left running/)
    assert.ok(!existsSync(stackEnv))
  })

  it('starts anew after a reset; what it leaves when it is killed with its keeper, the next one ends, and goes on with the data', async () => {
    const reset = LocalStart.direct(env, 'reset')
    assert.equal(await reset.exited, 0)
    assert.ok(!existsSync(dataDir))
    const start = LocalStart.direct(env, 'start', '--no-demo')
    await start.prints(RUNNING)
    assert.deepEqual((await anomalies()).data, [])
    const expires_ts = new Date(Date.now() + 3_600_000).toISOString()
    const entry = { kind: 'session', value: 'ours', reason: 'kept over the next start', expires_ts }
    assert.equal((await call('/allowlist', entry)).status, 201)

    const left = processesOf(dataDir)
    const keeper = [...left].find(([, what]) => what.includes('keeper.js'))?.[0]
    assert.ok(keeper !== undefined)
    process.kill(start.pid, 'SIGSTOP') // or it would start another keeper
    process.kill(keeper, 'SIGKILL')
    start.kill('SIGKILL')
    await start.exited
    assert.ok(processesOf(dataDir).size > 0)

    const next = LocalStart.npm(env, '--demo-log', 'test/fixtures/access-log.txt')
    await next.prints('GET /anomalies?topic=km.logs.access-log.v1')
    assert.deepEqual((await anomalies()).data, [])
    assert.match(next.output, /ended what an earlier start had left running: .*kafka/)
    assert.match(await (await call('/allowlist')).text(), /"value":"ours"/)
    const running = processesOf(dataDir)
    next.killForeground('SIGHUP') // its terminal is closed
    await nothingLeft(dataDir, new Map([...left, ...running]))
  })
})

describe('npm start that cannot', function () {
  this.timeout(60_000)
  let dir = ''
  let env: Record<string, string> = {}
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-cannot-'))
    env = await stackEnvironment(join(dir, 'data'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  const failure = async (...args: string[]): Promise<string> => {
    const start = LocalStart.direct(env, 'start', ...args)
    assert.equal(await start.exited, 1)
    await nothingLeft(join(dir, 'data'), new Map())
    return start.output
  }

  it('without Java says so, and how to get it', async () => {
    const bin = join(dir, 'bin')
    mkdirSync(bin)
    symlinkSync(process.execPath, join(bin, 'node'))
    env = { ...Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'JAVA_HOME')), PATH: bin }
    assert.match(await failure(), /Java is not found.*→ install Java 17/s)
  })

  it('with a busy port names it, its owner and the variable that changes it', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    env = { ...env, GUARDIAN_REGISTRY_PORT: String(port) }
    const said = await failure()
    server.close()
    assert.match(
      said,
      new RegExp(`port ${port}, which the schema registry is to use, is taken by process ${process.pid} `),
    )
    assert.match(said, /GUARDIAN_REGISTRY_PORT=<port>/)
  })

  it('with another number of brokers than the data has says what to do', async () => {
    mkdirSync(join(dir, 'data', 'kafka', 'broker-1'), { recursive: true })
    assert.match(await failure('--brokers', '3'), /belongs to a cluster of 1 broker, not of 3.*npm run reset/s)
  })

  it('with a log that is not there says so before it starts a server', async () => {
    assert.match(
      await failure('--demo-log', 'no-such.log'),
      /--demo-log no-such.log: .*give the path of an access log/s,
    )
    assert.ok(!existsSync(join(dir, 'data', 'postgres')))
  })

  it('with a setting out of its bounds says so before it starts a server', async () => {
    env = { ...env, CHECKPOINT_INTERVAL_MS: '1', API_REPORTS_AT_WORK: '10', PG_POOL_MAX: '5' }
    const said = await failure()
    assert.match(said, /CHECKPOINT_INTERVAL_MS: .*API_REPORTS_AT_WORK: not below PG_POOL_MAX.*→ correct them in \.env/s)
    assert.ok(!existsSync(join(dir, 'data', 'logs')))
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    it(`finish because it is interrupted ends everything when npm's own process gets ${signal}`, async () => {
      const start = LocalStart.npm(env, '--no-demo')
      while (!existsSync(join(dir, 'data', 'logs'))) await sleep(50)
      const running = processesOf(join(dir, 'data'))
      start.kill(signal)
      await start.exited
      await nothingLeft(join(dir, 'data'), running, 100)
      assert.match(start.output, /nothing is left running/)
    })

  it('with options that it does not know says which it does', async () => {
    assert.match(await failure('--broker', '3'), /--help/)
  })
})
