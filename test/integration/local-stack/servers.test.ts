import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startServers, type RunningServers } from '../../../deploy/local/servers.js'
import { packageRoot } from '../../../platform/package-root.js'
import { LocalStart, nothingLeft, processesOf, stackEnvironment } from '../../support/local-start.js'
import { createTestDatabase, temporaryDir, useTestStack } from '../../support/stack.js'

describe('the servers of the tests', function () {
  this.timeout(60_000)
  const stack = useTestStack('postgres', 'temporal')

  it('lie in a temporary directory, and make databases that say that they are for tests', async () => {
    assert.ok(existsSync(join(stack().dataDir, 'logs', 'postgres.log')))
    const database = await createTestDatabase('Local stack!')
    assert.match(database.name, /^test_local_stack__[0-9a-f]{8}$/)
    assert.ok(database.url.endsWith(`/${database.name}`))
    await database.drop()
  })

  it('come back with the same address after a kill', async () => {
    const { postgres, databaseUrl } = stack()
    assert.ok(postgres !== undefined)
    postgres.kill('SIGKILL')
    await postgres.exited
    await postgres.restart()
    // If another suite has started it: it would go on with connections that are gone.
    await stack().registry?.restart()
    const database = await createTestDatabase('again')
    assert.equal(new URL(database.url).port, new URL(databaseUrl).port)
    await database.drop()
  })

  it('end, and their directory with them, when the process that started them is killed', async () => {
    const dir = temporaryDir()
    const module_ = (name: string) => JSON.stringify(pathToFileURL(join(packageRoot, 'dist/deploy/local', name)).href)
    const script = `
      const { startServers } = await import(${module_('servers.js')})
      const { startKeeper } = await import(${module_('start-keeper.js')})
      const keeper = startKeeper()
      keeper.removeAtEnd(${JSON.stringify(dir)})
      await startServers({ parts: ['postgres'], dataDir: ${JSON.stringify(dir)}, ports: 'free', env: process.env, password: 'p', fsync: false, keeper })
      console.log('started')
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const running = processesOf(dir)
    assert.ok([...running.values()].some((what) => what.includes('postgres')))
    child.kill('SIGKILL')
    await nothingLeft(dir, running)
    for (const endsAt = performance.now() + 5_000; existsSync(dir) && performance.now() < endsAt;) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(!existsSync(dir))
  })
})

describe('a cluster of three brokers', function () {
  this.timeout(180_000)
  const dataDir = temporaryDir()
  let servers: RunningServers | undefined
  after(async () => {
    await servers?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('starts, and takes a killed broker back', async () => {
    servers = await startServers({
      parts: ['kafka'],
      dataDir,
      ports: 'free',
      env: process.env,
      brokers: 3,
      password: randomUUID(),
    })
    assert.equal(servers.kafkaBrokers?.split(',').length, 3)
    const [, second] = servers.brokers
    assert.ok(second !== undefined)
    second.kill('SIGKILL')
    await second.exited
    assert.equal(second.pid, undefined)
    await second.restart()
    assert.ok(servers.brokers.every((broker) => broker.isRunning))
  })
})

describe('npm start with servers that are given', function () {
  this.timeout(180_000)
  const dir = temporaryDir()
  let given: RunningServers | undefined
  after(async () => {
    await given?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('uses them, starts none of its own, and leaves them running', async () => {
    given = await startServers({
      parts: ['postgres', 'kafka', 'registry', 'temporal'],
      dataDir: join(dir, 'given'),
      ports: 'free',
      env: process.env,
      fsync: false,
      password: randomUUID(),
    })
    const dataDir = join(dir, 'data')
    const env = {
      ...(await stackEnvironment(dataDir)),
      DATABASE_URL: given.databaseUrl ?? '',
      KAFKA_BROKERS: given.kafkaBrokers ?? '',
      SCHEMA_REGISTRY_URL: given.schemaRegistryUrl ?? '',
      TEMPORAL_ADDRESS: given.temporalAddress ?? '',
    }
    const start = LocalStart.npm(env, '--no-demo')
    await start.prints('Clickstream Guardian is running')
    assert.ok(!existsSync(join(dataDir, 'postgres')) && !existsSync(join(dataDir, 'kafka')))
    assert.equal(statSync(join(dataDir, 'stack.env')).mode & 0o777, 0o600)
    const running = processesOf(dataDir)
    start.kill('SIGTERM')
    await nothingLeft(dataDir, running)
    assert.ok(given.postgres?.isRunning === true && given.brokers[0]?.isRunning === true)
  })
})
