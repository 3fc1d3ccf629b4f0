import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../../platform/package-root.js'
import type { Row } from '../row.js'

interface MochaReport {
  readonly passes: readonly { readonly title: string }[]
  readonly failures: readonly { readonly title: string; readonly err: { readonly message?: string } }[]
}

export const row: Row = {
  id: 'B5',
  fault:
    'every stored history of every workflow is replayed; changes that would break with runs under way are planted in the bundle',
  invariant: 'no history breaks, and every planted change is caught',
  quick: true,
  run: async () => {
    const { passes, failures } = await runReplayTests()
    const count = (tests: readonly { readonly title: string }[], what: RegExp) =>
      tests.filter(({ title }) => what.test(title)).length
    const [histories, planted] = [/ goes as it went$/, /^catches /]
    const total = (what: RegExp) => count(passes, what) + count(failures, what)
    return {
      held: failures.length === 0 && total(histories) > 0 && total(planted) > 0,
      figure: `${count(passes, histories)}/${total(histories)} histories replayed, ${count(passes, planted)}/${total(planted)} planted changes caught`,
      configuration: { histories: total(histories) },
      differences: failures.map(({ title, err }) => `${title}: ${err.message ?? ''}`),
    }
  },
}

function runReplayTests(): Promise<MochaReport> {
  const mocha = join(packageRoot, 'node_modules', 'mocha', 'bin', 'mocha.js')
  const file = join(packageRoot, 'dist', 'test', 'replay', 'replay.test.js')
  return new Promise((resolve, reject) => {
    // It ends with the number of tests that failed: what it printed says more.
    execFile(process.execPath, [mocha, '--reporter', 'json', file], { maxBuffer: 16_777_216 }, (_, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout.slice(stdout.indexOf('{'))) as MochaReport)
      } catch (cause) {
        reject(new Error(`the replay tests did not run: ${stderr.slice(-2_000)}`, { cause }))
      }
    })
  })
}
