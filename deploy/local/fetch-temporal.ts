import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../platform/message-of.js'
import { buildWithGo } from './build-with-go.js'
import { download } from './download.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'

/** The newest whose server can also be built with `go install`. */
const TEMPORAL_VERSION = '1.5.1'
export const TEMPORAL_ITEM = `temporal-${TEMPORAL_VERSION}`

/**
 * Finds Temporal's command with the server in it: on the PATH, in the cache, as the official download, or built with Go.
 * @returns its path
 * @throws LocalFault when there is no way to get it
 */
export async function fetchTemporal(context: FetchContext): Promise<string> {
  if (await isTemporal('temporal', context)) return 'temporal'
  const home = await cachedItem(context, TEMPORAL_ITEM, async (folder) => {
    const file = join(folder, 'temporal')
    if (existsSync(file) && (await isTemporal(file, context))) return
    try {
      await downloadOfficial(folder, context)
    } catch (error) {
      context.signal?.throwIfAborted()
      context.report(`${messageOf(error)}; building it with Go, which takes some minutes`)
      await build(folder, context, error)
    }
    if (!(await isTemporal(file, context))) throw new Error(`${file} does not run`)
  })
  return join(home, 'temporal')
}

async function isTemporal(command: string, { env, signal }: FetchContext): Promise<boolean> {
  try {
    const { stdout } = await runCommand({ command, args: ['--version'], env, signal, boundMs: 20_000 })
    return stdout.startsWith('temporal version')
  } catch (error) {
    if (error instanceof Error) return false
    throw error
  }
}

async function downloadOfficial(folder: string, context: FetchContext): Promise<void> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const archive = join(folder, 'temporal.tar.gz')
  await download({
    url: `https://temporal.download/cli/archive/v${TEMPORAL_VERSION}?platform=${process.platform}&arch=${arch}`,
    path: archive,
    signal: context.signal,
    onBytes: (bytes, total) =>
      context.report(`downloading ${megabytes(bytes)}${total === undefined ? '' : ` of ${megabytes(total)}`} MB`),
  })
  await runCommand({ command: 'tar', args: ['-xzf', archive, '-C', folder], env: context.env, signal: context.signal })
  rmSync(archive)
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(0)

async function build(folder: string, context: FetchContext, downloadError: unknown): Promise<void> {
  const since = performance.now()
  const ticker = setInterval(() => {
    context.report(`building with Go: ${Math.round((performance.now() - since) / 1_000)} s (about 150 s on two cores)`)
  }, 1_000)
  try {
    await buildWithGo(folder, context, `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`)
  } catch (error) {
    context.signal?.throwIfAborted()
    throw new LocalFault(
      `Temporal can neither be downloaded (${messageOf(downloadError)}) nor built (${messageOf(error)})`,
      'put the temporal command on the PATH (https://docs.temporal.io/cli), or install Go, or give TEMPORAL_ADDRESS',
      { cause: new AggregateError([downloadError, error]) },
    )
  } finally {
    clearInterval(ticker)
  }
}
