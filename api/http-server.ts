import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Part } from '../platform/lifecycle.js'
import { observeLimit } from '../platform/limits.js'
import { Counter, type Registry } from '../platform/metrics.js'
import { answerRefused } from './refused-connections.js'

export interface HttpSettings {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Further ones are closed as soon as they are made. Above the requests that may be at work and wait, so that the rest can be told. */
  readonly maxConnections: number
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
  // Node would answer who names no host without a body and an id: the application does it.
  requireHostHeader: false,
}

const MAX_HEADERS = 100

/**
 * Listens. Stopping takes no new connections, lets the requests under way end, and then closes what is left.
 * @throws Error naming host and port when they cannot be listened on
 */
export function serveHttp(
  listener: RequestListener,
  { host, port, maxConnections }: HttpSettings,
  registry: Registry,
): Promise<Part<HttpServer>> {
  const server = createServer(LIMITS, listener)
  server.maxConnections = maxConnections
  server.maxHeadersCount = MAX_HEADERS
  server.on('clientError', answerRefused)
  // Who expects something that we do not know is answered as usual, as RFC 9110 allows; Node would answer without a body.
  server.on('checkExpectation', listener)
  observeConnections(server, maxConnections, registry)
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

function observeConnections(server: Server, max: number, registry: Registry): void {
  let open = 0
  observeLimit(registry, 'API_MAX_CONNECTIONS', { max, used: () => open })
  const dropped = new Counter({
    name: 'guardian_http_connections_dropped_total',
    help: 'Connections that were closed as soon as they were made, because there were too many.',
    registers: [registry],
  })
  server.on('connection', (socket) => {
    open += 1
    socket.once('close', () => (open -= 1))
  })
  server.on('drop', () => dropped.inc())
}
