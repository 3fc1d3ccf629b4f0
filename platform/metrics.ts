import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry, collectDefaultMetrics } from 'prom-client'
import type { Part } from './lifecycle.js'

export { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricsServer {
  readonly port: number
}

/** A registry with the default metrics of the process, every series labelled with the process's name. */
export function createRegistry(process_: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ process: process_ })
  collectDefaultMetrics({ register: registry })
  return registry
}

/**
 * Serves `GET /metrics` on a port of its own, so that scraping is never behind the API's queue.
 * @param port 0 takes any free port
 */
export function serveMetrics(registry: Registry, port: number, host: string): Promise<Part<MetricsServer>> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : 'metrics failed'),
    )
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const stop = () =>
        new Promise<void>((done) => {
          server.close(() => done())
          server.closeAllConnections()
        })
      resolve({ value: { port: (server.address() as AddressInfo).port }, stop })
    })
  })
}
