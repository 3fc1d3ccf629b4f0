import { createRequire } from 'node:module'

/** kafkajs' queue of the requests of one connection, as far as it is needed here. */
interface RequestQueue {
  /** Requests that wait until fewer are under way, or until the broker lets us send again. */
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

const load = createRequire(import.meta.url)
let isInstalled = false

/**
 * Has kafkajs look after waiting requests only when there are any. Its own queue looks every millisecond from the first
 * answer on, for as long as the process lives (tulios/kafkajs#1556, #1704): some 900 wake-ups a second, and several per
 * cent of a core of a process that does nothing else. A request that is added to those that wait asks for a look itself.
 * @throws when kafkajs has no such queue
 */
export function quietRequestQueues(): void {
  if (isInstalled) return
  const { prototype } = load('kafkajs/src/network/requestQueue/index.js') as { readonly prototype: RequestQueue }
  const { scheduleCheckPendingRequests: schedule } = prototype as Partial<RequestQueue>
  if (!schedule) throw new Error('kafkajs has no check of waiting requests that could be replaced')
  isInstalled = true
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
