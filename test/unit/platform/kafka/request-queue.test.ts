import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { quietRequestQueues } from '../../../../platform/kafka/request-queue.js'

interface Queue {
  readonly throttleCheckTimeoutId: NodeJS.Timeout | null
  push(request: object): void
  fulfillRequest(response: object): void
  maybeThrottle(ms: number): void
  destroy(): void
}

const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (
  options: object,
) => Queue

const silent = { debug: () => undefined, warn: () => undefined }

describe('the queue of requests of a Kafka connection', () => {
  let queue: Queue
  let sent: number[]
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: () => undefined },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    })
  const answer = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: null, size: 0 })

  beforeEach(() => {
    quietRequestQueues()
    sent = []
    queue = new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1_000, logger: silent })
  })
  afterEach(() => queue.destroy())

  it('sets no timer while no request waits', () => {
    push(1)
    answer(1)
    assert.deepEqual(sent, [1])
    assert.equal(queue.throttleCheckTimeoutId, null)
  })

  it('sends a request that waits for another when that one is answered', () => {
    push(1)
    push(2)
    assert.deepEqual(sent, [1])
    answer(1)
    assert.deepEqual(sent, [1, 2])
  })

  it('sends a request that the broker has put off when its time has come, with no answer in between', async () => {
    queue.maybeThrottle(20)
    push(1)
    assert.deepEqual(sent, [])
    while (sent.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  })
})
