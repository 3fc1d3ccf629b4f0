import { findFreePorts } from '../../deploy/local/ports.js'
import type { Stats } from '../../schemas/rest/stats.js'
import { ADMIN_KEY, asAdmin } from './api-keys.js'
import { ServiceProcess, waitUntil } from './child-process.js'
import type { DetectionStage } from './detection-stage.js'
import { readAnswer } from './serve-api.js'

/** The product's API over a stage's database and Kafka. */
export interface StageApi {
  /** http://127.0.0.1:port */
  readonly url: string
  readonly stats: () => Promise<Stats>
  /** What Prometheus would read. */
  readonly metrics: () => Promise<string>
  readonly stop: () => Promise<void>
}

/** Starts it and waits until it answers. */
export async function startStageApi(stage: DetectionStage, env: Record<string, string> = {}): Promise<StageApi> {
  const [port, metricsPort] = await findFreePorts(2)
  const settings = {
    GUARDIAN_ADMIN_KEY: ADMIN_KEY,
    PORT: String(port),
    API_METRICS_PORT: String(metricsPort),
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  }
  const api = new ServiceProcess('api/main.js', { ...stage.env, ...settings, ...env })
  const base = `http://127.0.0.1:${port}`
  const url = `${base}/stats`
  await waitUntil(
    () => api.output,
    20_000,
    () =>
      fetch(url, { headers: asAdmin }).then(
        (response) => response.ok,
        () => false,
      ),
  )
  return {
    url: base,
    stats: async () => readAnswer<Stats>('getStats', await fetch(url, { headers: asAdmin })),
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    stop: () => (api.isRunning ? api.kill() : Promise.resolve()),
  }
}
