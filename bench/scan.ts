/*
 * Whole-process times of `guardian scan` beside those of GoAccess (Debian's package) on the same generated log, in turn:
 * `npm run bench -- scan 5000000 3`. GoAccess reads the log into the same kind of report, without sessions or rules.
 */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../platform/package-root.js'
import { accessLog } from './access-log.js'

interface Run {
  readonly seconds: number
  readonly peakMb: number
}

/** GNU time reports the peak of the whole process, which Node cannot read of a child. */
const timed = (command: string, args: readonly string[]): Promise<Run> =>
  new Promise((resolve, reject) => {
    const startedMs = performance.now()
    const options = { maxBuffer: 2 ** 28 }
    execFile('/usr/bin/time', ['-f', 'peak %M', command, ...args], options, (error, _stdout, stderr) => {
      const peak = /peak (\d+)\s*$/.exec(stderr)
      if (error !== null && peak === null) reject(new Error(`${command} failed: ${stderr}`, { cause: error }))
      else resolve({ seconds: (performance.now() - startedMs) / 1_000, peakMb: Number(peak?.[1] ?? 0) / 1_024 })
    })
  })

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** @param lines of the log @param rounds of both programs */
export async function scan(lines: number, rounds: number): Promise<void> {
  const version = execFileSync('goaccess', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
  const folder = mkdtempSync(join(tmpdir(), 'guardian-scan-'))
  const log = join(folder, 'access.log')
  const page = join(folder, 'report.html')
  try {
    await accessLog(lines, log)
    const programs = {
      'guardian scan': () => timed('node', [join(packageRoot, 'bin', 'guardian.mjs'), 'scan', log, '--html', page]),
      [version]: () => timed('goaccess', [log, '--log-format=COMBINED', '--no-global-config', '-o', page]),
    }
    const runs = Object.fromEntries(Object.keys(programs).map((name) => [name, [] as Run[]]))
    for (let round = 1; round <= rounds; round++)
      for (const [name, run] of Object.entries(programs)) {
        const took = await run()
        runs[name]?.push(took)
        console.log(`round ${round}: ${name.padEnd(20)} ${took.seconds.toFixed(1)} s, ${took.peakMb.toFixed(0)} MB`)
      }
    const [ours = Number.NaN, theirs = Number.NaN] = Object.entries(runs).map(([name, of]) => {
      const seconds = median(of.map((run) => run.seconds))
      const peakMb = Math.max(...of.map((run) => run.peakMb))
      const rate = Math.round(lines / seconds).toLocaleString('en')
      console.log(`${name.padEnd(20)} median ${seconds.toFixed(1)} s, ${rate} lines/s, at most ${peakMb.toFixed(0)} MB`)
      return seconds
    })
    console.log(`ratio ${(ours / theirs).toFixed(2)} of ${(statSync(log).size / 1e6).toFixed(0)} MB (goal 0.8)`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
