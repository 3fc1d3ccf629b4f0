import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Report {
  readonly stats: { readonly passes: number }
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[]
}

/**
 * Runs a file of `npm test` on a copy of the product, on servers of its own.
 * @param root of the copy
 * @param file under dist/test/
 * @returns what failed, a line each
 * @throws when it could not be run: no test passed
 */
export async function suiteOnCopy(root: string, file: string): Promise<string[]> {
  const report = join(root, 'report.json')
  const args = ['--timeout', '10000', '--reporter', 'json', '--reporter-option', `output=${report}`]
  const child = spawn(
    process.execPath,
    [join(root, 'node_modules/mocha/bin/mocha.js'), ...args, join('dist/test', file)],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  const { stats, failures } = JSON.parse(readFileSync(report, 'utf8')) as Report
  if (stats.passes === 0) throw new Error(`${file} could not be run: ${failures[0]?.err.message ?? 'no test'}`)
  return failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message?.split('\n')[0] ?? ''}`)
}
