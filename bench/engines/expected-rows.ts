import { DuckDBInstance } from '@duckdb/node-api'
import { eventStream } from '../event-stream.js'

/** A window in which a rule's condition holds. */
export interface FlaggedWindow {
  readonly session: string
  readonly rule: string
  readonly startMs: number
  readonly events: number
  readonly items: number
}

export interface Expectation {
  readonly windows: readonly FlaggedWindow[]
  /** Windows that end up to here have been closed by whoever has read all. The others are not compared. */
  readonly closedUntilMs: number
}

/** Neither rule is content with fewer; to leave the other sessions out saves most of the time. */
const FEWEST_EVENTS = 50
/** Allowed lateness, and a second for partitions whose last events are a little older. */
const STILL_OPEN_MS = 31_000

const windows = (rule: string, sizeMs: number, condition: string) => `
  SELECT session_id, '${rule}' AS rule, start_ms, count(*) AS events, count(DISTINCT item_id) AS items
    FROM (SELECT *, (event_ms // 10000 - k) * 10000 AS start_ms FROM once, range(0, ${sizeMs / 10_000}) AS slide(k))
   WHERE start_ms + ${sizeMs} <= $until
   GROUP BY ALL HAVING ${condition}`

const EXPECTED = `
  WITH once AS MATERIALIZED (SELECT DISTINCT event_id, event_ms::BIGINT AS event_ms, session_id, item_id FROM event)
  SELECT session_id, rule, start_ms::DOUBLE AS start_ms, events::DOUBLE AS events, items::DOUBLE AS items FROM (
    ${windows('HIGH_FREQUENCY', 10_000, 'count(*) >= 50')}
    UNION ALL ${windows('BOT_LIKE', 60_000, 'count(*) >= 120 AND count(DISTINCT item_id) <= 3')})`

/**
 * What every engine has to find, by SQL over the events that were written, without any code of the engines. No event of
 * the stream is late, so that the order does not matter.
 * @throws Error when the stream is too short for a window to close
 */
export async function expectedRows(count: number, seed: number): Promise<Expectation> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  try {
    await connection.run('CREATE TABLE event (event_id VARCHAR, event_ms DOUBLE, session_id VARCHAR, item_id VARCHAR)')
    const isBusy = busySessions(count, seed)
    const appender = await connection.createAppender('event')
    let latestMs = 0
    for (const { event_id, event_ts, session_id, item_id } of eventStream(count, seed)) {
      latestMs = Math.max(latestMs, event_ts)
      if (!isBusy(session_id)) continue
      appender.appendVarchar(event_id)
      appender.appendDouble(event_ts)
      appender.appendVarchar(session_id)
      if (item_id === null) appender.appendNull()
      else appender.appendVarchar(item_id)
      appender.endRow()
    }
    appender.closeSync()
    const closedUntilMs = latestMs - STILL_OPEN_MS
    const rows = (await connection.runAndReadAll(EXPECTED, { until: closedUntilMs })).getRowObjectsJS()
    if (rows.length === 0) throw new Error(`${count} events are too few for a window to close: take 500,000 or more`)
    const found = rows.map(({ session_id, rule, start_ms, events, items }) => ({
      session: session_id as string,
      rule: rule as string,
      startMs: Number(start_ms),
      events: Number(events),
      items: Number(items),
    }))
    return { windows: found, closedUntilMs }
  } finally {
    connection.closeSync()
  }
}

function busySessions(count: number, seed: number): (session: string) => boolean {
  const events = new Map<string, number>()
  for (const { session_id } of eventStream(count, seed)) events.set(session_id, (events.get(session_id) ?? 0) + 1)
  return (session) => (events.get(session) ?? 0) >= FEWEST_EVENTS
}
