/**
 * Sends events to Clickstream Guardian: JSON lines on standard input, one event a line.
 *
 *   echo '{"type":"click","session_id":"s1","event_type":"page_view","page":"/"}' |
 *     GUARDIAN_URL=http://localhost:8000 GUARDIAN_KEY=gdn_… node examples/node/send-events.mjs
 *
 * Prints {"accepted", "rejected"} and, on standard error, each event that was rejected. Exits with 0 when all were accepted,
 * with 1 when not. An event without an event_id gets one here, with its event_ts: both are the same in every retry, so that
 * the event counts once, however late the retry. An event with an event_id must have an event_ts.
 */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'

const BATCH_MAX = 500
const ATTEMPTS_MAX = 8
const TIMEOUT_MS = 10_000
const url = process.env['GUARDIAN_URL'] ?? 'http://localhost:8000'
const key = process.env['GUARDIAN_KEY']
if (key === undefined) {
  console.error('GUARDIAN_KEY is missing: a key of the role collector, from POST /keys')
  process.exit(2)
}

const totals = { accepted: 0, rejected: 0 }
let batch = []
let lineNumber = 0
for await (const line of createInterface({ input: process.stdin })) {
  lineNumber += 1
  if (line.trim() === '') continue
  try {
    batch.push(identified(JSON.parse(line)))
  } catch {
    reject(`line ${lineNumber} is not JSON`)
  }
  if (batch.length === BATCH_MAX) await sendBatch()
}
if (batch.length > 0) await sendBatch()
console.log(JSON.stringify(totals))
process.exitCode = totals.rejected === 0 ? 0 : 1

function identified(event) {
  return 'event_id' in Object(event) ? event : { event_id: randomUUID(), event_ts: Date.now(), ...event }
}

function reject(why, events = 1) {
  totals.rejected += events
  console.error(why)
}

async function sendBatch() {
  const events = batch
  batch = []
  const { status, answer } = await post(events)
  if (status === 200 || status === 207) {
    totals.accepted += answer.accepted
    for (const { status: what, index, detail } of answer.results)
      if (what === 'rejected') reject(`${events[index].event_id}: ${detail}`)
  } else if (answer.code === 'EVENTS_REJECTED' || answer.code === 'EVENT_TS_REQUIRED')
    reject(`${events.length} events: ${answer.detail}`, events.length)
  else throw new Error(`${status} ${answer.code}: ${answer.detail}`)
}

/** Sends one batch, again while the server is away or has too much to do. */
async function post(events) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(events),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause) => ({ cause }))
    const isAway = response.cause !== undefined || response.status === 429 || response.status >= 500
    if (!isAway) return { status: response.status, answer: await response.json() }
    if (attempt === ATTEMPTS_MAX) throw new Error(`gave up after ${attempt} attempts`, { cause: response.cause })
    const seconds = Number(response.headers?.get('retry-after') ?? 0)
    const longestMs = Math.min(30_000, 250 * 2 ** attempt)
    await new Promise((resolve) =>
      setTimeout(resolve, Math.max(seconds * 1_000, longestMs * (0.5 + Math.random() / 2))),
    )
  }
}
