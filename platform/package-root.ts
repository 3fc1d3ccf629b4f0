import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  const parent = dirname(from)
  if (parent === from) throw new Error('package.json not found above the running code')
  return findRoot(parent)
}

/** The folder of package.json: where the files that are read and not compiled (Avro, SQL) are found. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)))
