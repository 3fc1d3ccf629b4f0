import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../platform/message-of.js'
import { buildWithGo } from './build-with-go.js'
import { download } from './download.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'

const VERSITYGW_VERSION = '1.8.0'

/**
 * Finds versitygw, an S3 server over a folder, in the cache; else fetches the official download, or builds it with Go.
 * @returns its path
 * @throws LocalFault when there is no way to get it
 */
export async function fetchVersitygw(context: FetchContext): Promise<string> {
  const home = await cachedItem(context, `versitygw-${VERSITYGW_VERSION}`, async (folder) => {
    try {
      await downloadOfficial(folder, context)
    } catch (error) {
      context.signal?.throwIfAborted()
      context.report(`${messageOf(error)}; building versitygw with Go, which takes some minutes`)
      await build(folder, context, error)
    }
  })
  return join(home, 'versitygw')
}

async function downloadOfficial(folder: string, context: FetchContext): Promise<void> {
  const system = process.platform === 'darwin' ? 'Darwin' : 'Linux'
  const arch = process.arch === 'x64' ? 'x86_64' : process.arch
  const name = `versitygw_v${VERSITYGW_VERSION}_${system}_${arch}`
  const archive = join(folder, 'versitygw.tar.gz')
  const url = `https://github.com/versity/versitygw/releases/download/v${VERSITYGW_VERSION}/${name}.tar.gz`
  await download({ url, path: archive, signal: context.signal })
  const args = ['-xzf', archive, '-C', folder, '--strip-components=1', `${name}/versitygw`]
  await runCommand({ command: 'tar', args, env: context.env, signal: context.signal })
  rmSync(archive)
}

async function build(folder: string, context: FetchContext, downloadError: unknown): Promise<void> {
  try {
    await buildWithGo(folder, context, `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW_VERSION}`)
  } catch (error) {
    context.signal?.throwIfAborted()
    throw new LocalFault(
      `versitygw can neither be downloaded (${messageOf(downloadError)}) nor built (${messageOf(error)})`,
      'install Go, or check the network',
      { cause: new AggregateError([downloadError, error]) },
    )
  }
}
