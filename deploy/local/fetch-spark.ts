import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../platform/message-of.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'

/** Runs on Java 17. */
const SPARK_VERSION = '4.3.0'
const FETCH_BOUND_MS = 1_800_000

/**
 * Finds Spark in SPARK_HOME or in the cache, else fetches it from PyPI into the cache: 456 MB, once.
 * @returns SPARK_HOME
 * @throws LocalFault when there is no way to get it
 */
export async function fetchSpark(context: FetchContext): Promise<string> {
  const given = context.env['SPARK_HOME']
  if (given) return given
  const folder = await cachedItem(context, `pyspark-${SPARK_VERSION}`, async (place) => {
    context.report(`fetching Spark ${SPARK_VERSION} from PyPI (456 MB, once)`)
    const args = ['-m', 'pip', 'install', '--no-input', '--target', place, `pyspark==${SPARK_VERSION}`]
    try {
      await runCommand({ ...context, command: 'python3', args, boundMs: FETCH_BOUND_MS })
    } catch (cause) {
      throw new LocalFault(
        `Spark cannot be fetched: ${messageOf(cause)}`,
        'install Python 3.10 or later with pip, or set SPARK_HOME to an installed Spark 4',
        { cause },
      )
    }
    if (!existsSync(join(place, 'pyspark', 'bin', 'spark-submit'))) throw new Error('pyspark came without spark-submit')
  })
  return join(folder, 'pyspark')
}
