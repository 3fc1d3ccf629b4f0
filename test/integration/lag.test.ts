import assert from 'node:assert/strict'
import { findFreePorts } from '../../deploy/local/ports.js'
import { TOPICS } from '../../domain/events.js'
import type { Stats } from '../../schemas/rest/stats.js'
import { ADMIN_KEY, asAdmin } from '../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { readAnswer } from '../support/serve-api.js'
import { useTestStack } from '../support/stack.js'

describe('how far the detector is behind', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let api: ServiceProcess
  let url: string

  before(async () => {
    stage = await DetectionStage.open(servers())
    const [port, metricsPort] = await findFreePorts(2)
    url = `http://127.0.0.1:${port}/stats`
    const ports = {
      GUARDIAN_ADMIN_KEY: ADMIN_KEY,
      PORT: String(port),
      API_METRICS_PORT: String(metricsPort),
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    }
    api = new ServiceProcess('api/main.js', { ...stage.env, ...ports })
    await waitUntil(
      () => api.output,
      20_000,
      () =>
        fetch(url, { headers: asAdmin }).then(
          (r) => r.ok,
          () => false,
        ),
    )
  })
  after(async () => {
    if (api.isRunning) await api.kill()
    await stage.close()
  })

  const stats = async () => readAnswer<Stats>('getStats', await fetch(url, { headers: asAdmin }))
  const send = (seed: number) =>
    stage.ask([
      ...['simulate', '--day', '2026-01-15', '--events', '20000', '--duration', '100s'],
      ...['--seed', String(seed)],
    ])

  it('is told in records and in seconds since the next record came, also while no detector runs', async () => {
    await send(1)
    await stage.finish(stage.startDetector(), await stage.logEnds())
    await waitUntil(
      () => 'no lag',
      10_000,
      async () => (await stats()).totals.lag_records === 0,
      200,
    )
    assert.deepEqual(
      (await stats()).partitions.map((p) => [p.lag_records, p.lag_seconds, p.seconds_to_clear])[0],
      [0, 0, 0],
    )
    await new Promise((resolve) => setTimeout(resolve, 2_000)) // the time between the last record decided and the next
    await send(2)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const log = await readTopics(stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    let told = await stats()
    await waitUntil(
      () => 'Kafka has answered in time',
      20_000,
      async () => (told = await stats()).totals.lag_records !== null,
      500,
    )
    const { partitions, totals } = told
    const nowMs = Date.parse(told.generated_ts)
    for (const p of partitions) {
      const left = log.filter(
        ({ topic, partition, offset }) =>
          topic === p.topic && partition === p.kafka_partition && offset >= p.next_offset,
      )
      assert.equal(p.lag_records, left.length)
      const seconds = (nowMs - (left[0]?.timestamp ?? nowMs)) / 1_000
      const difference = Math.abs((p.lag_seconds ?? -1) - seconds)
      assert.ok(difference < 1 + seconds * 0.03, `${p.topic}/${p.kafka_partition}: ${p.lag_seconds}, is ${seconds}`)
    }
    assert.equal(totals.lag_records, log.length - partitions.reduce((sum, p) => sum + p.next_offset, 0))
    assert.ok(log.length - partitions.reduce((sum, p) => sum + p.next_offset, 0) > 15_000)
  })

  it('is told with the time to clear while a detector works, and by the detector itself', async () => {
    await send(3)
    const [port] = await findFreePorts(1)
    const slowly = { FETCH_MAX_BYTES: '65536', FETCH_MAX_BYTES_PER_PARTITION: '16384' }
    const detector = stage.startDetector({ ...slowly, DETECTOR_METRICS_PORT: String(port) })
    let seen: Stats['partitions'] = []
    let metrics = ''
    await waitUntil(
      () => detector.output,
      60_000,
      async () => {
        const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
          (r) => r.text(),
          () => '',
        )
        if (/guardian_lag_seconds\{[^}]*\} [1-9]/.test(text)) metrics = text
        const { partitions, totals } = await stats()
        const working = partitions.filter((p) => (p.lag_records ?? 0) > 0 && p.seconds_to_clear !== null)
        if (working.length > 0) seen = working
        return totals.lag_records === 0
      },
      20,
    )
    await detector.stop()
    assert.match(metrics, /guardian_lag_records\{[^}]*\} [1-9]/)
    assert.match(metrics, /guardian_lag_clear_seconds\{[^}]*\} [0-9]/)
    for (const p of seen) assert.ok((p.seconds_to_clear ?? 0) > 0 && (p.seconds_to_clear ?? 0) < 600)
  })

  it('is unknown while Kafka is away, and nothing else is', async () => {
    servers().brokers[0]?.kill('SIGKILL')
    try {
      await new Promise((resolve) => setTimeout(resolve, 1_100)) // an answer is shared for a second
      const startedAt = performance.now()
      const { partitions, totals } = await stats()
      assert.ok(performance.now() - startedAt < 5_000)
      assert.deepEqual([totals.lag_records, partitions[0]?.lag_seconds], [null, null])
      assert.ok(totals.accepted > 10_000)
    } finally {
      await servers().brokers[0]?.restart()
    }
  })
})
