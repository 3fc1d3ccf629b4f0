import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Part } from '../platform/lifecycle.js'
import { answerRefused } from './refused-connections.js'

export interface HttpSettings {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

export interface HttpServer {
  readonly port: number
}

/** Far below Node's own, which leave a slow sender five minutes. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
}

/** Above the requests that may be at work and wait, so that the rest can be told. */
const MAX_CONNECTIONS = 5_000
const MAX_HEADERS = 100

/**
 * Listens. Stopping takes no new connections, lets the requests under way end, and then closes what is left.
 * @throws Error naming host and port when they cannot be listened on
 */
export function serveHttp(listener: RequestListener, { host, port }: HttpSettings): Promise<Part<HttpServer>> {
  const server = createServer(LIMITS, listener)
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = MAX_HEADERS
  server.on('clientError', answerRefused)
  const stop = () =>
    new Promise<void>((resolve, reject) => {
      server.close((error) => (error === undefined ? resolve() : reject(error)))
      server.closeIdleConnections()
    })
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'EADDRINUSE' ? 'is in use by another process: set PORT to a free one' : cause.message
      reject(new Error(`${host}:${port} ${reason}`, { cause }))
    })
    server.listen(port, host, () => resolve({ value: { port: (server.address() as AddressInfo).port }, stop }))
  })
}
