/*
 * The ruler of `latency.ts`, a process of its own, so that nothing of the bench keeps it from looking: it looks for new
 * rows every 5 ms until its standard input ends, and prints what it saw of each. Database URL.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** What was seen of a row: its times, and when it could first be read. Milliseconds since the epoch. */
export interface Sight {
  readonly producedMs: number
  readonly kafkaMs: number
  readonly detectedMs: number
  readonly writtenMs: number
  readonly readMs: number
}

const LOOK_EVERY_MS = 5
/** Rows of a checkpoint have the time at which it wrote them, and can be read when it has committed. */
const COMMITTED_WITHIN_MS = 2_000

const LOOK = `
SELECT session_id, rule_id, window_start, produced_ts, kafka_ts, detected_ts, db_write_ts
  FROM anomaly_sessions WHERE db_write_ts > $1::timestamptz`

const [databaseUrl = ''] = process.argv.slice(2)
// Texts, as they come: most rows of a look have been seen before, and nothing need be made of them.
const client = new pg.Client({ connectionString: databaseUrl, types: { getTypeParser: () => (text: string) => text } })
await client.connect()
// Without it, each look would take longer with every row that there is. Writes take a little longer with it.
await client.query('CREATE INDEX IF NOT EXISTS bench_db_write_ts ON anomaly_sessions (db_write_ts)')

const sights = new Map<string, Sight>()
let sinceMs = 0
const over = new AbortController()
process.stdin.on('end', () => over.abort()).resume()
while (!over.signal.aborted) {
  const lookAt = performance.now()
  const values = [new Date(sinceMs - COMMITTED_WITHIN_MS).toISOString()]
  const { rows } = await client.query<string[]>({ name: 'look', text: LOOK, values, rowMode: 'array' })
  const readMs = Date.now()
  for (const [session = '', rule = '', window = '', ...times] of rows) {
    const key = `${session} ${rule} ${window}`
    if (sights.has(key)) continue
    const [producedMs = 0, kafkaMs = 0, detectedMs = 0, writtenMs = 0] = times.map((time) => Date.parse(time))
    sights.set(key, { producedMs, kafkaMs, detectedMs, writtenMs, readMs })
    sinceMs = Math.max(sinceMs, writtenMs)
  }
  await sleep(Math.max(0, LOOK_EVERY_MS - (performance.now() - lookAt)))
}
await client.end()
process.stdout.write(JSON.stringify([...sights.values()]))
