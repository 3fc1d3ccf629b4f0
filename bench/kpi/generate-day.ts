import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { archiveKey, DATASETS, topicOf, type Dataset } from '../../domain/archive/archive-file.js'
import { DAY_MS, parseUtcDay, startOfDayMs } from '../../domain/utc-day.js'
import { openDuckDb, sqlText, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { columnsOf } from '../../workers/archiver/event-columns.js'

export const BENCH_DAY = parseUtcDay('2026-01-05')

/** A file of the generated archive, as the manifest is to name it. */
export interface GeneratedFile {
  readonly dataset: Dataset
  readonly path: string
  readonly partition: number
  readonly rows: number
  readonly fromOffset: number
}

const PARTITIONS = 4
/** As many as a roll of the archiver has by default. */
const ROWS_PER_FILE = 200_000
const EVENTS_PER_SESSION = 20
/** Sessions that are under way at once: event n is of one of them. */
const SESSIONS_AT_ONCE = 1_000
const EVENTS_PER_PURCHASE = 100
/** One event of so many is a repeat of the one before. */
const REPEATED = 100

/** The session of event n: its events are spread over the events of all that are under way with it. */
const SESSION = (n: string): string =>
  `format('s-{:08x}', (${n}) % ${SESSIONS_AT_ONCE} + ${SESSIONS_AT_ONCE} * ((${n}) // ${SESSIONS_AT_ONCE * EVENTS_PER_SESSION}))`
const USER = (n: string): string => `CASE WHEN hash(${SESSION(n)}) % 10 < 3 THEN 'u-' || ${SESSION(n)} END`
const ITEM = (n: string): string => `'item-' || (hash(${n}, 1) % 20000 * (hash(${n}, 2) % 1000) // 1000)`

/** Columns in the archive's own order; what a partition has of all events is every fourth. */
const CLICKS = (dayMs: number, count: number): string => `
SELECT r.partition::INTEGER AS kafka_partition, r.place AS kafka_offset, r.at_ms + 5 AS append_ms,
       CASE WHEN n % ${REPEATED} = 0 AND n > 0 THEN md5((n - ${PARTITIONS})::VARCHAR) ELSE md5(n::VARCHAR) END AS event_id,
       r.at_ms AS event_ms, r.at_ms + 2 AS ingest_ms, 'bench' AS source, ${SESSION('n')} AS session_id, ${USER('n')} AS user_id,
       CASE WHEN hash(n, 4) % 100 < 85 THEN ${ITEM('n')} END AS item_id,
       CASE WHEN hash(n, 3) % 100 < 25 THEN 'page_view' WHEN hash(n, 3) % 100 < 80 THEN 'item_view'
            WHEN hash(n, 3) % 100 < 90 THEN 'add_to_cart' WHEN hash(n, 3) % 100 < 93 THEN 'remove_from_cart' ELSE 'checkout' END AS event_type,
       '/catalogue/' || (hash(n, 1) % 20000) AS page, '203.0.113.' || (hash(n, 5) % 250) AS ip,
       'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0' AS user_agent, NULL::VARCHAR AS referrer
  FROM (SELECT place * ${PARTITIONS} + :partition AS n, place, :partition AS partition,
               ${dayMs} + ((place * ${PARTITIONS} + :partition) * ${DAY_MS}::HUGEINT // ${count})::BIGINT AS at_ms
          FROM range(:from, :to) AS t (place)) r`

const PURCHASES = (dayMs: number, count: number): string => `
SELECT r.partition::INTEGER AS kafka_partition, r.place AS kafka_offset, r.at_ms + 5 AS append_ms, md5('p' || n) AS event_id,
       r.at_ms AS event_ms, r.at_ms + 2 AS ingest_ms, 'bench' AS source, ${SESSION(`n * ${EVENTS_PER_PURCHASE}`)} AS session_id,
       ${USER(`n * ${EVENTS_PER_PURCHASE}`)} AS user_id, ${ITEM('n')} AS item_id, 'order-' || (n // 2) AS order_id,
       (1 + hash(n, 6) % 3)::INTEGER AS quantity, (100 + hash(n, 7) % 20000)::BIGINT AS unit_price,
       CASE WHEN n % 10 = 0 THEN 'USD' ELSE 'EUR' END AS currency
  FROM (SELECT place * ${PARTITIONS} + :partition AS n, place, :partition AS partition,
               ${dayMs} + least(${DAY_MS} - 1, (place * ${PARTITIONS} + :partition) * ${DAY_MS}::HUGEINT // ${count} + 60000)::BIGINT AS at_ms
          FROM range(:from, :to) AS t (place)) r`

/**
 * Writes a day of events as the archiver would have: Parquet files of one partition each, by the keys that it gives.
 * @param events clicks and purchases together
 */
export async function generateDay(folder: string, events: number): Promise<GeneratedFile[]> {
  const { value: db, stop } = await openDuckDb({
    memoryLimitBytes: 2e9,
    threads: 2,
    spillFolder: join(folder, 'spill'),
  })
  try {
    const purchases = Math.floor(events / (EVENTS_PER_PURCHASE + 1))
    const counts: Readonly<Record<Dataset, number>> = { clicks: events - purchases, purchases }
    const files: GeneratedFile[] = []
    for (const dataset of DATASETS) files.push(...(await generate(db, folder, dataset, counts[dataset])))
    return files
  } finally {
    await stop()
  }
}

async function generate(db: DuckDb, folder: string, dataset: Dataset, count: number): Promise<GeneratedFile[]> {
  const select = (dataset === 'clicks' ? CLICKS : PURCHASES)(startOfDayMs(BENCH_DAY), count)
  const columns = columnsOf(dataset).replaceAll(/ [A-Z]+(?=,|$)/g, '')
  const files: GeneratedFile[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const places = Math.ceil((count - partition) / PARTITIONS)
    for (let fromOffset = 0; fromOffset < places; fromOffset += ROWS_PER_FILE) {
      const toOffset = Math.min(places, fromOffset + ROWS_PER_FILE)
      const path = archiveKey({ dataset, day: BENCH_DAY, partition, epoch: 1, fromOffset, toOffset })
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      const sql = Object.entries({ partition, from: fromOffset, to: toOffset }).reduce(
        (text, [name, value]) => text.replaceAll(`:${name}`, String(value)),
        select,
      )
      await db.run(
        `COPY (SELECT ${columns} FROM (${sql})) TO ${sqlText(join(folder, path))} (FORMAT parquet, COMPRESSION zstd)`,
      )
      files.push({ dataset, path, partition, rows: toOffset - fromOffset, fromOffset })
    }
  }
  return files
}

/** Sessions that are flagged on the generated day: one of a hundred. */
export const flaggedSessions = (events: number): string[] =>
  Array.from(
    { length: Math.floor(events / EVENTS_PER_SESSION / 100) },
    (_, n) => `s-${(n * 100).toString(16).padStart(8, '0')}`,
  )

/** Names the files in the manifest, as the archiver's commit does. */
export const MANIFEST_ROWS = (files: readonly GeneratedFile[]): readonly unknown[][] =>
  files.map(({ dataset, path, partition, rows, fromOffset }) => [
    ...[path, dataset, topicOf(dataset), partition, 1, BENCH_DAY, BENCH_DAY],
    ...[fromOffset, fromOffset + rows - 1, rows, 1],
  ])
