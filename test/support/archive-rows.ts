import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type pg from 'pg'
import { oracleFolder } from './run-oracle.js'

/** An event of the archive or of the log, by where it stands, and with all its fields as text. */
export interface EventLine {
  readonly place: string
  readonly text: string
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'km.clicks.v1': ['event_type', 'page', 'ip', 'user_agent', 'referrer'],
  'km.purchases.v1': ['order_id', 'quantity', 'unit_price', 'currency'],
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? value.toString() : 'null'

const lineOf = (topic: string, row: Readonly<Record<string, unknown>>): EventLine => {
  const names = ['append_ms', 'event_id', 'event_ts', 'ingest_ts', 'source', 'session_id', 'user_id', 'item_id']
  const fields = [...names, ...(FIELDS[topic] ?? [])].map((name) => textOf(row[name]))
  return { place: `${topic}/${String(row['partition'])}/${String(row['offset'])}`, text: fields.join(' | ') }
}

const byPlace = (a: EventLine, b: EventLine): number => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0)

/** Every row of every file that the manifest names, read by DuckDB without any code of the product. */
export async function archivedLines(db: pg.Pool, folder: string): Promise<EventLine[]> {
  const files = await db.query<{ path: string; topic: string; day: string }>(
    `SELECT f.path, f.topic, f.first_day::text AS day FROM archive_files f`,
  )
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const lines: EventLine[] = []
  try {
    for (const { path, topic, day } of files.rows) {
      const reader = await connection.runAndReadAll(
        `SELECT *, kafka_partition AS partition, kafka_offset AS "offset", event_ms AS event_ts, ingest_ms AS ingest_ts
           FROM read_parquet('${join(folder, path)}', hive_partitioning = false)`,
      )
      for (const row of reader.getRowObjects()) {
        if (new Date(Number(row['event_ms'])).toISOString().slice(0, 10) !== day && !path.includes('date=other'))
          throw new Error(`${path} holds an event of another day`)
        lines.push(lineOf(topic, row))
      }
    }
  } finally {
    connection.closeSync()
  }
  return lines.sort(byPlace)
}

/** Every valid event of a dumped log, as the oracle finds them: a separate program that shares nothing with the product. */
export function validLines(dump: string, schemas: Readonly<Record<number, 'click' | 'purchase'>>): EventLine[] {
  const args = ['-B', join(oracleFolder, 'kpi_oracle.py'), 'events', dump]
  for (const [id, name] of Object.entries(schemas)) args.push('--schema', `${id}=${name}`)
  const out = execFileSync('python3', args, { encoding: 'utf8', maxBuffer: 2 ** 30 })
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map((event) => lineOf(String(event['topic']), event))
    .sort(byPlace)
}

/** What two lists of events do not have in common, a line each. */
export function eventDifferences(found: readonly EventLine[], expected: readonly EventLine[]): string[] {
  const places = new Map<string, EventLine[]>()
  for (const line of found) places.set(line.place, [...(places.get(line.place) ?? []), line])
  const differences: string[] = []
  for (const { place, text } of expected) {
    const [first, ...more] = places.get(place) ?? []
    if (!first) differences.push(`missing: ${place}`)
    else if (first.text !== text) differences.push(`different: ${place}: ${first.text} is not ${text}`)
    if (more.length > 0) differences.push(`${more.length + 1} times: ${place}`)
    places.delete(place)
  }
  for (const place of places.keys()) differences.push(`extra: ${place}`)
  return differences
}
