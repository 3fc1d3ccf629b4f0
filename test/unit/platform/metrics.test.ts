import assert from 'node:assert/strict'
import { Counter, createRegistry, type MetricsServer, serveMetrics } from '../../../platform/metrics.js'
import type { Part } from '../../../platform/lifecycle.js'

describe('serveMetrics', () => {
  const registry = createRegistry('detector')
  const seen = new Counter({ name: 'test_events_total', help: 'events', labelNames: ['fate'], registers: [registry] })
  let part: Part<MetricsServer>
  const url = (path: string): string => `http://127.0.0.1:${part.value.port}${path}`

  before(async () => {
    part = await serveMetrics(registry, 0, '127.0.0.1')
  })
  after(() => part.stop())

  it('serves what is counted, labelled with the process', async () => {
    seen.inc({ fate: 'late' }, 3)
    const response = await fetch(url('/metrics'))
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), registry.contentType)
    const text = await response.text()
    assert.match(text, /test_events_total\{fate="late",process="detector"\} 3/)
    assert.match(text, /process_cpu_seconds_total\{process="detector"\}/)
  })

  it('serves nothing else', async () => {
    for (const path of ['/', '/metrics/x', '/favicon.ico']) {
      const response = await fetch(url(path))
      assert.equal(response.status, 404)
      assert.equal(await response.text(), '')
    }
  })

  it('says so when a port is taken', async () => {
    await assert.rejects(serveMetrics(registry, part.value.port, '127.0.0.1'), { code: 'EADDRINUSE' })
  })

  it('answers 500, and stays up, when a metric cannot be read', async () => {
    const broken = createRegistry('broken')
    new Counter({
      name: 'test_broken_total',
      help: 'broken',
      registers: [broken],
      collect: () => {
        throw new Error('no answer')
      },
    })
    const { value, stop } = await serveMetrics(broken, 0, '127.0.0.1')
    for (let i = 0; i < 2; i++) assert.equal((await fetch(`http://127.0.0.1:${value.port}/metrics`)).status, 500)
    await stop()
  })

  it('stops at once, even while a client keeps its connection', async () => {
    const { value, stop } = await serveMetrics(registry, 0, '127.0.0.1')
    const address = `http://127.0.0.1:${value.port}/metrics`
    await (await fetch(address)).text()
    await stop()
    await assert.rejects(fetch(address))
  })
})
