import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the receiver does with the next request; without one it answers 200. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfter?: string; readonly afterMs?: number }
  /** Never answers. `takes`: whether the message counts as received. */
  | { readonly kind: 'hang'; readonly takes: boolean }
  /** Cuts the connection after it has taken the message. */
  | { readonly kind: 'cut' }

export interface Received {
  readonly atMs: number
  readonly text: string
  readonly body: { readonly text?: string; readonly blocks?: readonly object[] }
}

export interface WebhookReceiver {
  readonly url: string
  /** Messages that were taken, in order. */
  readonly taken: readonly Received[]
  /** All requests, taken or not. */
  readonly requests: readonly Received[]
  /** Requests from now on meet these, one each; then all is well. */
  next(...behaviours: readonly Behaviour[]): void
  /** Decides about every request, when there is nothing in the queue. */
  decideBy(decide: (received: Received) => Behaviour | undefined): void
  /** Forgets what has come so far. */
  forget(): void
  stop(): Promise<void>
}

/** A webhook of one's own that behaves as badly as it is told to. */
export async function startWebhookReceiver(
  path = '/services/T000/B000/secret-of-the-webhook',
): Promise<WebhookReceiver> {
  const [taken, requests, queue]: [Received[], Received[], Behaviour[]] = [[], [], []]
  let decide: (received: Received) => Behaviour | undefined = () => undefined
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const received = { atMs: performance.now(), text, body: JSON.parse(text) as Received['body'] }
    requests.push(received)
    const behaviour = queue.shift() ?? decide(received) ?? { kind: 'answer', status: 200 }
    if (behaviour.kind === 'hang') {
      if (behaviour.takes) taken.push(received)
      return
    }
    if (behaviour.kind === 'cut') {
      taken.push(received)
      request.socket.destroy()
      return
    }
    if (behaviour.status < 300) taken.push(received)
    if (behaviour.afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, behaviour.afterMs))
    const headers = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter }
    response.writeHead(behaviour.status, headers).end(behaviour.status < 300 ? 'ok' : 'no')
  }
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    taken,
    requests,
    next: (...behaviours) => queue.push(...behaviours),
    decideBy: (own) => (decide = own),
    forget: () => {
      taken.length = 0
      requests.length = 0
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
