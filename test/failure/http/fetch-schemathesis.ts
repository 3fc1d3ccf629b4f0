import { execFileSync } from 'node:child_process'
import { messageOf } from '../../../platform/message-of.js'
import { LocalFault } from '../../../deploy/local/local-fault.js'
import { runCommand } from '../../../deploy/local/run-command.js'
import { cachedItem, type FetchContext } from '../../../deploy/local/server-cache.js'

export const SCHEMATHESIS_VERSION = '4.32.5'
const FETCH_BOUND_MS = 600_000

/** How schemathesis is begun. */
export interface Schemathesis {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/**
 * Fetches schemathesis from PyPI into the cache, once for a version of Python.
 * @throws LocalFault when there is no way to get it
 */
export async function fetchSchemathesis(context: FetchContext): Promise<Schemathesis> {
  const python = pythonVersion()
  const folder = await cachedItem(context, `schemathesis-${SCHEMATHESIS_VERSION}-py${python}`, async (place) => {
    context.report(`fetching schemathesis ${SCHEMATHESIS_VERSION} from PyPI (60 MB, once)`)
    const packages = [`schemathesis==${SCHEMATHESIS_VERSION}`]
    const args = ['-m', 'pip', 'install', '--no-input', '--no-compile', '--target', place, ...packages]
    try {
      await runCommand({ ...context, command: 'python3', args, boundMs: FETCH_BOUND_MS })
    } catch (cause) {
      throw new LocalFault(`schemathesis cannot be fetched: ${messageOf(cause)}`, 'install Python 3.10 with pip', {
        cause,
      })
    }
  })
  return {
    command: 'python3',
    args: ['-c', 'from schemathesis.cli import schemathesis; schemathesis()'],
    env: { PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
  }
}

function pythonVersion(): string {
  try {
    const print = 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")'
    return execFileSync('python3', ['-c', print], { encoding: 'utf8' }).trim()
  } catch (cause) {
    throw new LocalFault('python3 cannot be run', 'install Python 3.10 or later with pip', { cause })
  }
}
