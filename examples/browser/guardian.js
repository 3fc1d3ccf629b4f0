/**
 * Sends clicks and purchases of a web page to Clickstream Guardian. Copy this file to your site:
 *
 *   import { createGuardian } from './guardian.js'
 *   const guardian = createGuardian({ url: 'https://guardian.example', key: 'gdn_…', sessionId })
 *   guardian.click({ event_type: 'item_view', item_id: 'sku-1' })
 *
 * The key has the role `collector`: it can send events and read nothing. The origin of the page has to be in
 * API_COLLECTOR_ORIGINS. Events are sent a batch at a time, and again when the server or the network is away: each keeps
 * its event_id and its event_ts, so that it counts once, however late the retry. (navigator.sendBeacon cannot carry a key; fetch with `keepalive` outlives the page too.)
 */

/** Browsers give all requests that outlive their page 64 KiB together. */
const KEEPALIVE_MAX_BYTES = 60_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000

/**
 * @param {object} options
 * @param {string} options.url of Guardian's API
 * @param {string} options.key of the role `collector`
 * @param {string} options.sessionId the session of the visitor, as your shop names it
 * @param {string | null} [options.userId]
 * @param {string} [options.source] names this site
 * @param {number} [options.batchMax] events in one request
 * @param {number} [options.queueMax] events that may wait; beyond it the oldest are dropped, and counted in `dropped`
 * @param {number} [options.flushMs] how long an event waits for others to go with it
 * @param {(rejections: object[]) => void} [options.onRejected] told of events that the server will never take
 * @param {EventTarget} [options.page] says when the page goes away
 */
export function createGuardian({
  url,
  key,
  sessionId,
  userId = null,
  source = 'web',
  batchMax = 50,
  queueMax = 1_000,
  flushMs = 1_000,
  onRejected = () => {},
  page = globalThis,
}) {
  let queue = []
  let dropped = 0
  let failures = 0
  let timer
  let sending

  const add = (event) => {
    queue.push({
      event_id: crypto.randomUUID(),
      event_ts: new Date().toISOString(),
      session_id: sessionId,
      user_id: userId,
      source,
      ...event,
    })
    while (queue.length > queueMax) {
      queue.shift()
      dropped += 1
    }
    if (queue.length >= batchMax && failures === 0) void flush()
    else plan(flushMs)
  }

  const plan = (ms) => {
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, ms)
  }

  const post = (events, keepalive) =>
    fetch(`${url}/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
      credentials: 'omit',
      keepalive,
    })

  /** Sends what waits, a batch at a time. Never fails: what could not be sent now is sent later. */
  const flush = () => (sending ??= sendAll().finally(() => (sending = undefined)))

  const sendAll = async () => {
    while (queue.length > 0) {
      const batch = queue.slice(0, batchMax)
      const again = await trySend(batch)
      if (again !== undefined) {
        plan(again)
        return
      }
      failures = 0
      const sent = new Set(batch)
      queue = queue.filter((event) => !sent.has(event))
    }
  }

  /** @returns after how many ms to try again; undefined when the batch is done with */
  const trySend = async (batch) => {
    try {
      const response = await post(batch, false)
      if (response.status === 429 || response.status >= 500) return pause(response.headers.get('retry-after'))
      const answer = await response.json()
      if (response.status === 207) onRejected(answer.results.filter(({ status }) => status === 'rejected'))
      else if (!response.ok) onRejected([answer])
      return undefined
    } catch {
      return pause(null) // the network is away
    }
  }

  const pause = (retryAfterSeconds) => {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures)
    failures += 1
    // Pages that were turned away together must not come back together.
    return Math.max(Number(retryAfterSeconds ?? 0) * 1_000, longest * (0.5 + Math.random() / 2))
  }

  /** The page goes away: what fits goes with one last request. An event may then be sent twice; its id tells. */
  const leave = () => {
    const last = []
    let bytes = 2
    for (const event of queue) {
      bytes += JSON.stringify(event).length * 3 + 1 // at most three bytes for a character
      if (bytes > KEEPALIVE_MAX_BYTES || last.length === batchMax) break
      last.push(event)
    }
    if (last.length > 0) post(last, true).catch(() => {})
  }
  page.addEventListener?.('pagehide', leave)

  return {
    /** @param {{ event_type: string, item_id?: string, page?: string, referrer?: string }} click */
    click: (click) => add({ type: 'click', page: globalThis.location?.pathname ?? '', ...click }),
    /** @param {{ order_id: string, item_id: string, quantity: number, unit_price: number, currency: string }} purchase */
    purchase: (purchase) => add({ type: 'purchase', ...purchase }),
    flush,
    /** Events that wait to be sent. */
    get waiting() {
      return queue.length
    },
    /** Events that were given up because too many waited. */
    get dropped() {
      return dropped
    },
    /** Sends nothing more. */
    close: () => {
      clearTimeout(timer)
      page.removeEventListener?.('pagehide', leave)
    },
  }
}
