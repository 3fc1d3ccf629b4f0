import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import type { Env } from '../../platform/env.js'
import { isFault } from './local-fault.js'
import { withLock } from './lock-file.js'
import type { Keeper } from './start-keeper.js'

/** Where things are kept, who is told how it goes, and what stops it. */
export interface FetchContext {
  readonly cacheDir: string
  readonly env: Env
  readonly report: (text: string) => void
  readonly signal?: AbortSignal | undefined
  readonly keeper?: Keeper | undefined
}

const MANIFEST = '.manifest.json'

/** The folder of fetched servers, outside the clone, so that every clone shares it. */
export function cacheDirOf(env: Env): string {
  if (env['GUARDIAN_CACHE_DIR']) return env['GUARDIAN_CACHE_DIR']
  return join(env['XDG_CACHE_HOME'] ? env['XDG_CACHE_HOME'] : join(homedir(), '.cache'), 'clickstream-guardian')
}

/**
 * Gives an item of the cache, making it first if it is not there or not whole. It is made under a lock in a folder of
 * another name, which is renamed when it is complete: what has the item's name is whole. An interrupted attempt's folder
 * is given to the next one, which may go on from there.
 * @param name names the item and its version
 * @param fill puts the files into a folder, verifying each; may find files of an earlier attempt there
 * @returns the item's folder
 */
export async function cachedItem(
  context: FetchContext,
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const home = join(context.cacheDir, name)
  if (isWhole(home)) return home
  mkdirSync(context.cacheDir, { recursive: true })
  const onWait = ({ pid }: { pid: number }) => context.report(`waiting for process ${pid}, which is fetching it`)
  return withLock(`${home}.lock`, onWait, context.signal, async () => {
    if (isWhole(home)) return home
    const partial = `${home}.partial`
    if (existsSync(home)) {
      rmSync(partial, { recursive: true, force: true })
      renameSync(home, partial)
    }
    mkdirSync(partial, { recursive: true, mode: 0o755 })
    await fill(partial)
    writeManifest(partial)
    renameSync(partial, home)
    return home
  })
}

/** Whether an item is in the cache with every file at its size. */
export function isWhole(folder: string): boolean {
  let sizes: Record<string, number>
  try {
    sizes = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')) as Record<string, number>
  } catch (error) {
    if (isFault(error, 'ENOENT') || error instanceof SyntaxError) return false
    throw error
  }
  return Object.entries(sizes).every(
    ([path, bytes]) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes,
  )
}

function writeManifest(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== MANIFEST)
    .map((entry) => join(entry.parentPath, entry.name))
  const sizes = Object.fromEntries(files.map((path) => [relative(folder, path), statSync(path).size]))
  writeFileSync(join(folder, MANIFEST), JSON.stringify(sizes))
}
