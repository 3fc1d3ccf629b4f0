import assert from 'node:assert/strict'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { useTestStack } from '../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js'

const WAITED = 'postgres_not_there_yet'

describe('a process that starts while its connections to PostgreSQL break', function () {
  this.timeout(120_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let proxy: TcpProxy
  let through: string

  before(async () => {
    stage = await DetectionStage.open(servers())
    const direct = stage.env['DATABASE_URL'] ?? ''
    proxy = await startTcpProxy(new URL(direct))
    through = proxy.urlOf(direct)
  })
  after(async () => {
    await proxy.close()
    await stage.close()
  })

  const comesTo = async (service: ServiceProcess, event: string): Promise<void> => {
    await waitUntil(
      () => service.output,
      60_000,
      () => {
        assert.ok(service.isRunning, service.output)
        return Promise.resolve(service.says(event) > 0)
      },
    )
    await service.kill()
  }

  const ends = async (service: ServiceProcess): Promise<void> => {
    await waitUntil(
      () => `it ends: ${service.output}`,
      60_000,
      () => Promise.resolve(!service.isRunning),
    )
    assert.equal(await service.exited, 1)
  }

  it('asks again for the rules, and starts', async () => {
    const cut = proxy.cutOnce('FROM rules r', false)
    const detector = stage.startDetector({ DATABASE_URL: through })
    await cut
    await comesTo(detector, 'detector_started')
    assert.equal(detector.says(WAITED), 1)
  })

  it('asks again which migrations the database has, and goes on to Temporal', async () => {
    const cut = proxy.cutOnce('__drizzle_migrations', false)
    const orchestrator = stage.startOrchestrator('127.0.0.1:1', { DATABASE_URL: through })
    await cut
    await comesTo(orchestrator, 'temporal_not_reachable_yet')
    assert.equal(orchestrator.says(WAITED), 1)
  })

  it('says why it ends when the database stays away for longer than it may', async () => {
    proxy.blackHole()
    try {
      const detector = stage.startDetector({
        DATABASE_URL: through,
        PG_CONNECT_TIMEOUT_MS: '200',
        PG_START_PATIENCE_MS: '2000',
      })
      await ends(detector)
      assert.ok(detector.says(WAITED) >= 2, detector.output)
      assert.match(detector.log, /rules did not start: .*connection timeout/)
    } finally {
      proxy.heal()
    }
  })

  it('does not ask again for what would stay as it is', async () => {
    const unknown = new URL(through)
    unknown.pathname = '/no_such_database'
    const detector = stage.startDetector({ DATABASE_URL: unknown.href })
    await ends(detector)
    assert.equal(detector.says(WAITED), 0)
    assert.match(detector.log, /no_such_database.* does not exist/)
  })
})
