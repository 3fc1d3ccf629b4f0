import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startServers, type RunningServers } from '../../../deploy/local/servers.js'
import { packageRoot } from '../../../platform/package-root.js'
import { LocalStart, nothingLeft, processesOf, stackEnvironment } from '../../support/local-start.js'
import { createTestDatabase, temporaryDir, useTestStack, type TestDatabase } from '../../support/stack.js'
import { deleteTopics } from '../../support/stage-topics.js'

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

/** Its own programs alone are started: what becomes of servers when it ends is shown above, and with `npm start` itself. */
describe('npm start with servers that are given', function () {
  this.timeout(120_000)
  const stack = useTestStack('postgres', 'kafka', 'registry')
  const dir = temporaryDir()
  const dataDir = join(dir, 'data')
  let temporal: RunningServers | undefined
  let database: TestDatabase | undefined
  let env: Record<string, string> = {}
  before(async () => {
    // Schedules that it makes must not be there for other suites.
    const own = { dataDir: join(dir, 'given'), ports: 'free', env: process.env, password: randomUUID() } as const
    temporal = await startServers({ ...own, parts: ['temporal'] })
    database = await createTestDatabase('given servers')
    const { kafkaBrokers, schemaRegistryUrl } = stack()
    await deleteTopics([kafkaBrokers])
    env = {
      ...(await stackEnvironment(dataDir)),
      DATABASE_URL: database.url,
      KAFKA_BROKERS: kafkaBrokers,
      SCHEMA_REGISTRY_URL: schemaRegistryUrl,
      TEMPORAL_ADDRESS: temporal.temporalAddress ?? '',
    }
  })
  after(async () => {
    await temporal?.stop()
    await database?.drop()
    rmSync(dir, { recursive: true, force: true })
  })

  const started = async (start: LocalStart) => {
    await start.prints('Clickstream Guardian is running')
    const running = processesOf(dataDir)
    const programs = ['detector', 'archiver', 'orchestrator', 'api']
    for (const name of programs)
      assert.ok(
        [...running.values()].some((what) => what.includes(name)),
        name,
      )
    return running
  }

  it('uses them, starts none of its own, and leaves them running', async () => {
    const start = LocalStart.npm(env, '--no-demo')
    const running = await started(start)
    assert.ok(!existsSync(join(dataDir, 'postgres')) && !existsSync(join(dataDir, 'kafka')))
    assert.equal(statSync(join(dataDir, 'stack.env')).mode & 0o777, 0o600)
    start.kill('SIGTERM')
    await nothingLeft(dataDir, running)
    const { postgres, brokers } = stack()
    assert.ok(postgres?.isRunning === true && brokers[0]?.isRunning === true && temporal?.temporal?.isRunning === true)
  })

  it('ends when npm is killed', async () => {
    const start = LocalStart.npm(env, '--no-demo')
    const running = await started(start)
    start.kill('SIGKILL')
    await nothingLeft(dataDir, running)
  })

  it('leaves nothing when it is killed itself', async () => {
    const start = LocalStart.direct(env, 'start', '--no-demo')
    const running = await started(start)
    start.kill('SIGKILL')
    await nothingLeft(dataDir, running)
  })
})
