import { fingerprintOf, severityOf, type Observation, type Thresholds } from '../observation.js'
import { countOf } from '../words.js'

/** A process that has crashed lately and is restarted, as its supervisor describes it. */
export interface CrashingProcess {
  readonly name: string
  readonly status: 'running' | 'restarting'
  /** In a row. */
  readonly crashes: number
  readonly cause: string
  readonly since_ts: string
}

/** Crashes in a row: one or two are restarted without a word. */
const CRASHES: Thresholds = { warning: 3, critical: 5 }

/** One observation per process that crashes repeatedly. */
export const observeCrashes = (processes: readonly CrashingProcess[]): Observation[] =>
  processes.map(({ name, status, crashes, cause, since_ts }) => ({
    source: 'process-crashes',
    fingerprint: fingerprintOf('process-crashes', name),
    cause: `The process ${name} crashes repeatedly`,
    severity: severityOf(crashes, CRASHES),
    count: 0,
    summary:
      `The process ${name} has crashed ${countOf(crashes, 'time')} in a row since ${since_ts.slice(0, 16).replace('T', ' ')} UTC, the last time because of: ${cause}; ` +
      (status === 'running' ? 'it runs now.' : 'it does not run now, and is restarted with increasing delays.'),
    sample: null,
    firstStep: `Read the end of the log of ${name}: it names the cause. The other processes are not affected.`,
    figures: { process: name, crashes, status },
    links: [],
  }))
