import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../../platform/package-root.js'
import { stopTestStack } from '../support/stack.js'
import { writeTable, type RowReport } from './report.js'
import type { Row, RowOutcome, RowSettings } from './row.js'
import { findRows } from './rows.js'
import { VerifiedLog } from './verified-log.js'

const USAGE = `npm run verify -- [--quick] [--row A1,A3] [--seed n] [--report]
  --quick   the short form of the rows that have one: minutes, not hours
  --row     only these rows, in this order
  --seed    seeds every choice made at random (default 1)
  --report  write the figures into docs/reliability.md`

const SHOWN_DIFFERENCES = 20

interface Options {
  readonly quick: boolean
  readonly rows: readonly string[]
  readonly seed: number
  readonly report: boolean
}

/** @throws for words that it does not know */
function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      row: { type: 'string' },
      seed: { type: 'string', default: '1' },
      report: { type: 'boolean', default: false },
    },
  })
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error('--seed is a whole number')
  const rows = (values.row ?? '').split(',').map((id) => id.trim().toUpperCase())
  const { quick, report } = values
  return { quick, rows: rows.filter((id) => id !== ''), seed: Number(values.seed), report }
}

/** The rows that are wanted, in the order in which they are named; else all that there are. */
function choose(rows: readonly Row[], { rows: wanted, quick }: Options): readonly Row[] {
  if (wanted.length === 0) return rows.filter((row) => !quick || row.quick)
  const unknown = wanted.filter((id) => !rows.some((row) => row.id === id))
  if (unknown.length > 0)
    throw new Error(`no row ${unknown.join(', ')}: there are ${rows.map(({ id }) => id).join(', ')}`)
  return wanted.flatMap((id) => rows.filter((row) => row.id === id))
}

/** Which source is measured; "+" when it has changes that are not committed. */
function revision(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', ':!docs') === '' ? '' : '+')
  } catch {
    return 'unknown' // a copy without its history, or no git
  }
}

const described = (configuration: RowOutcome['configuration']): string =>
  Object.entries(configuration)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')

/** A row that throws has not held: what could not be measured is not claimed. */
async function attempt(row: Row, settings: RowSettings): Promise<RowOutcome> {
  try {
    return await row.run(settings)
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { held: false, figure: 'could not be run to its end', configuration: {}, differences: text.split('\n') }
  }
}

/** The first lines and the last: a process that has ended by itself says why at the end of its log. */
const endsOf = (lines: readonly string[]): readonly string[] =>
  lines.length <= SHOWN_DIFFERENCES
    ? lines
    : [
        ...lines.slice(0, SHOWN_DIFFERENCES / 2),
        `(${lines.length - SHOWN_DIFFERENCES} more)`,
        ...lines.slice(-SHOWN_DIFFERENCES / 2),
      ]

async function runRow(row: Row, { quick, seed }: Options, source: string): Promise<RowReport> {
  console.log(`${row.id}  ${row.fault}`)
  const startedAt = performance.now()
  const outcome = await attempt(row, { seed, quick, say: (line) => console.log(`    ${line}`) })
  const seconds = (performance.now() - startedAt) / 1_000
  const report: RowReport = {
    id: row.id,
    fault: row.fault,
    invariant: row.invariant,
    figure: outcome.figure,
    held: outcome.held,
    configuration: described(outcome.configuration),
    run: quick ? 'quick' : 'full',
    seed,
    revision: source,
    seconds,
  }
  for (const line of endsOf(outcome.differences ?? [])) console.log(`    ! ${line}`)
  console.log(`${row.id}  ${report.held ? 'PASS' : 'FAIL'}  ${report.figure}`)
  console.log(`    seed ${seed}, revision ${source}, ${report.configuration}, ${seconds.toFixed(0)} s`)
  return report
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  const all = await findRows()
  const chosen = choose(all, options)
  const source = revision()
  const reports: RowReport[] = []
  try {
    for (const row of chosen) {
      reports.push(await runRow(row, options, source))
      // After each: hours of a run that is interrupted are not lost.
      if (options.report) await writeTable(join(packageRoot, 'docs', 'reliability.md'), all, reports.slice(-1))
    }
  } finally {
    await VerifiedLog.closeKept()
    await stopTestStack()
  }
  const failed = reports.filter(({ held }) => !held).length
  console.log(`${reports.length - failed} passed, ${failed} failed`)
  return failed === 0 && reports.length > 0 ? 0 : 1
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
try {
  process.exit(await main()) // a row that was given up may have left something waiting
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error(USAGE)
  process.exit(2)
}
