import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { sqlText } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { columnsOf } from '../../workers/archiver/event-columns.js'

/** A purchase as an earlier release may have archived it: nothing of it is checked. */
export interface ArchivedPurchase {
  readonly id: string
  readonly atMs: number
  readonly quantity: number | null
  readonly price: number | string | null
  readonly currency: string | null
  readonly session?: string
}

interface Archive {
  readonly db: { readonly query: (text: string, values: unknown[]) => Promise<unknown> }
  readonly archiveFolder: string
}

/**
 * Archives purchases without an archiver: a file for each UTC day, named in the manifest.
 * @param partition in which nothing else of these days is archived
 */
export async function archivePurchases(
  archive: Archive,
  partition: number,
  purchases: readonly ArchivedPurchase[],
): Promise<void> {
  const dayOf = ({ atMs }: ArchivedPurchase): string => new Date(atMs).toISOString().slice(0, 10)
  for (const day of new Set(purchases.map(dayOf)))
    await archiveDay(archive, partition, day, purchases.filter((one) => dayOf(one) === day)) // prettier-ignore
}

async function archiveDay(
  { db, archiveFolder }: Archive,
  partition: number,
  day: string,
  purchases: readonly ArchivedPurchase[],
): Promise<void> {
  const path = `purchases/date=${day}/p${partition}-by-hand.parquet`
  const file = join(archiveFolder, path)
  await mkdir(dirname(file), { recursive: true })
  const rows = purchases.map(
    ({ id, atMs, quantity, price, currency, session = `session of ${id}` }, offset) =>
      `(${partition}, ${offset}, ${atMs}, ${sqlText(id)}, ${atMs}, ${atMs}, 'till 7', ${sqlText(session)}, NULL, 'i1', ` +
      `${sqlText(`order of ${id}`)}, ${quantity ?? 'NULL'}, ${price ?? 'NULL'}, ${currency === null ? 'NULL' : sqlText(currency)})`,
  )
  await withScratchDuckDb({ memoryLimitBytes: 1e8, threads: 1 }, async (duckDb) => {
    await duckDb.run(`CREATE TABLE t (${columnsOf('purchases')})`)
    await duckDb.run(`INSERT INTO t VALUES ${rows.join(',')}`)
    await duckDb.run(`COPY t TO ${sqlText(file)} (FORMAT parquet)`)
  })
  await db.query(
    `INSERT INTO archive_files (path, dataset, topic, kafka_partition, owner_epoch, first_day, last_day, first_offset, last_offset, row_count, byte_count)
     VALUES ($1, 'purchases', 'km.purchases.v1', $2, 1, $3, $3, 0, $4::bigint - 1, $4, 1)`,
    [path, partition, day, rows.length],
  )
  await db.query(
    `INSERT INTO archive_days AS d (dataset, event_day, row_count, version) VALUES ('purchases', $1, $2, 1)
     ON CONFLICT (dataset, event_day) DO UPDATE SET row_count = d.row_count + $2, version = d.version + 1`,
    [day, rows.length],
  )
  for (const { atMs } of purchases)
    await db.query(
      `INSERT INTO archive_slots AS s (dataset, slot_start, row_count, version)
       VALUES ('purchases', to_timestamp($1::bigint / 900000 * 900), 1, 1)
       ON CONFLICT (dataset, slot_start) DO UPDATE SET row_count = s.row_count + 1, version = s.version + 1`,
      [atMs],
    )
}
