import { fingerprintOf, severityOf, type AlertLink, type Observation, type Thresholds } from '../observation.js'
import { countOf, oneLine } from '../words.js'

/** Runs of one workflow that failed. */
export interface FailedRuns {
  readonly workflowType: string
  readonly runs: number
  /** The last of them. */
  readonly workflowId: string
  readonly reason: string
  /** That it was for; null when it was for none. */
  readonly day: string | null
}

const FAILED_RUNS: Thresholds = { warning: 1, critical: 3 }
const MAX_REASON = 200

/** What people call the runs of a workflow. */
const NAMES: Readonly<Record<string, string>> = {
  dailyKpi: 'daily KPI run',
  backfillKpi: 'KPI backfill',
  reconcile: 'reconciliation',
  partitionMaintenance: 'partition maintenance run',
  compactArchive: 'archive compaction',
  dlqReplay: 'dead-letter replay',
  backTest: 'back-test',
}

/** Runs that have failed since the last look, one observation per workflow. */
export const observeFailedRuns = (failed: readonly FailedRuns[], linkTo: (workflowId: string) => AlertLink) =>
  failed.map((one): Observation => {
    const { workflowType, runs, workflowId, day } = one
    const name = NAMES[workflowType] ?? workflowType
    const reason = oneLine(one.reason, MAX_REASON)
    return {
      source: 'pipeline-runs',
      fingerprint: fingerprintOf('pipeline-runs', workflowType),
      cause: `${name.charAt(0).toUpperCase()}${name.slice(1)} failed`,
      severity: severityOf(runs, FAILED_RUNS),
      count: runs,
      summary: `${countOf(runs, name)} failed${ofDay(runs, day)}.`,
      sample: `${workflowId}: ${reason === '' ? 'no reason was stored' : reason}`,
      firstStep: firstStepOf(workflowType, day),
      figures: { 'failed runs': runs, 'last run': workflowId, reason },
      links: [linkTo(workflowId)],
    }
  })

const ofDay = (runs: number, day: string | null): string =>
  day === null ? '' : runs === 1 ? `, for ${day}` : `, the last for ${day}`

function firstStepOf(workflowType: string, day: string | null): string {
  if (workflowType === 'dailyKpi' && day !== null)
    return `Remove the reason, then run the day again: \`guardian kpi run --day ${day}\`. Its old figures stay until then.`
  if (workflowType === 'compactArchive') return 'Nothing is lost: the next night tries again. Act if it fails twice.'
  if (workflowType === 'dlqReplay') return 'Remove the reason, then start the replay again: nothing is sent twice.'
  return 'Open the run for its reason, remove it, and run it again as the runbook says.'
}
