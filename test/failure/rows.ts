import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../platform/package-root.js'
import { byId } from './report.js'
import type { Row } from './row.js'

/** Every file of rows/ that exports a `row` is a row: adding one needs no list. */
export async function findRows(): Promise<Row[]> {
  const folder = join(packageRoot, 'dist', 'test', 'failure', 'rows')
  const rows: Row[] = []
  for (const name of (await readdir(folder)).filter((file) => file.endsWith('.js'))) {
    const module = (await import(pathToFileURL(join(folder, name)).href)) as { readonly row?: Row }
    if (module.row) rows.push(module.row)
  }
  return rows.sort(byId)
}
