import { findFreePorts } from '../../../deploy/local/ports.js'
import { ADMIN_KEY } from '../../support/api-keys.js'
import { ServiceProcess, waitUntil } from '../../support/child-process.js'

/** The API as a process of its own, with its metrics. */
export interface ProductApi {
  readonly port: number
  /** http://127.0.0.1:port */
  readonly url: string
  readonly process: ServiceProcess
  /** The value of a series, by its name and the labels that it must have; 0 for one that is not there. */
  readonly metric: (name: string, labels?: Readonly<Record<string, string>>) => Promise<number>
  readonly residentMegabytes: () => Promise<number>
  readonly stop: () => Promise<void>
}

/**
 * Starts it and waits until it is ready.
 * @param env what it needs to find its servers, and whatever a row sets
 * @param root the folder whose dist/ is run; the product as it is when none is said
 */
export async function startProductApi(env: Record<string, string>, root?: string): Promise<ProductApi> {
  const [port = 0, metricsPort = 0] = await findFreePorts(2)
  const settings = {
    GUARDIAN_ADMIN_KEY: ADMIN_KEY,
    PORT: String(port),
    API_METRICS_PORT: String(metricsPort),
    LOG_LEVEL: 'error',
  }
  const api = new ServiceProcess('api/main.js', { ...settings, ...env }, root)
  const url = `http://127.0.0.1:${port}`
  const isReady = () => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false) // prettier-ignore
  await waitUntil(() => api.output, 60_000, isReady)
  const metric = async (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    const values = lines.filter((line) => wanted.every((label) => line.includes(label)))
    return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }
  return {
    port,
    url,
    process: api,
    metric,
    residentMegabytes: async () => (await metric('process_resident_memory_bytes')) / 1_048_576,
    stop: () => (api.isRunning ? api.stop() : Promise.resolve()),
  }
}
