import { cancellationSignal } from '@temporalio/activity'
import { GuardianError } from '../../domain/errors.js'
import { topicOf } from '../../domain/archive/archive-file.js'
import {
  compareAnomalies,
  type AnomalyDifference,
  type ReconciledAnomaly,
} from '../../domain/reconciliation/compare-anomalies.js'
import { addDays, parseUtcDay, startOfDayMs, type UtcDay } from '../../domain/utc-day.js'
import type { WithFiles } from '../with-files.js'
import { asActivity } from '../activity-failure.js'
import { behindOf, retryUntil } from '../kpi/log-progress.js'
import type { LogEnds } from '../kpi/kpi-contract.js'
import { recomputeAnomalies, type ReconcileQuestion, type ReconcilerSettings } from './reconciler.js'

export interface ReconcileDeps {
  readonly detectorPositions: () => Promise<
    readonly { readonly topic: string; readonly partition: number; readonly nextOffset: number }[]
  >
  readonly reconciliationInputs: (
    topic: string,
    day: UtcDay,
  ) => Promise<
    Pick<ReconcileQuestion, 'parts' | 'rules' | 'ticks'> & {
      readonly files: readonly { readonly path: string; readonly log: number }[]
    }
  >
  /** Whether the day's anomalies were dropped. */
  readonly isDayDropped: (day: UtcDay) => Promise<boolean>
  readonly storedAnomalies: (topic: string, day: UtcDay) => Promise<ReconciledAnomaly[]>
  readonly storeReconciliation: (found: {
    readonly day: UtcDay
    readonly expectedRows: number
    readonly storedRows: number
    readonly differences: readonly AnomalyDifference[]
    readonly reconciledMs: number
  }) => Promise<void>
  readonly reconciler: ReconcilerSettings
  readonly withFiles: WithFiles
  readonly allowedLatenessMs: number
  readonly now: () => number
}

/** How the stored anomalies of a day compare with those that the archive gives: counts alone, since Temporal keeps them. */
export interface ReconciledDay {
  readonly expected: number
  readonly stored: number
  readonly missing: number
  readonly extra: number
  readonly different: number
}

/** Activities that hold the anomalies against the archive. All may be repeated. */
export const createReconcileActivities = (deps: ReconcileDeps) => ({
  /** Succeeds once the detector has passed these offsets: what it has not read cannot be compared. Temporal retries it until then. */
  awaitDetector: ({ ends, waitMs }: { readonly ends: LogEnds; readonly waitMs: number }): Promise<void> =>
    asActivity(async () => {
      const behind = behindOf(ends, await deps.detectorPositions())
      if (behind.length > 0) throw retryUntil(waitMs, `the detector has still to come to ${behind.join(', ')}`)
    }),

  /** Recomputes the anomalies of a day, compares, and stores what differs. */
  reconcileDay: ({ day }: { readonly day: string }): Promise<ReconciledDay> =>
    asActivity(() => reconcile(deps, parseUtcDay(day))),
})

export type ReconcileActivities = ReturnType<typeof createReconcileActivities>

async function reconcile(deps: ReconcileDeps, day: UtcDay): Promise<ReconciledDay> {
  if (await deps.isDayDropped(day))
    throw new GuardianError('GRD_BAD_INPUT', `the anomalies of ${day} have been dropped: there is nothing to compare`)
  const topic = topicOf('clicks')
  const { files, parts, rules, ticks } = await deps.reconciliationInputs(topic, day)
  const paths = files.map(({ path }) => path)
  const expected = await deps.withFiles(paths, (pathOf) =>
    recomputeAnomalies(
      {
        files: files.map(({ path, log }) => ({ path: pathOf(path), log })),
        parts,
        rules,
        ticks,
        fromMs: startOfDayMs(day),
        toMs: startOfDayMs(addDays(day, 1)),
        allowedLatenessMs: deps.allowedLatenessMs,
      },
      { ...deps.reconciler, signal: cancellationSignal() },
    ),
  )
  cancellationSignal().throwIfAborted()
  const stored = await deps.storedAnomalies(topic, day)
  const differences = compareAnomalies(expected, stored)
  const rows = { expectedRows: expected.length, storedRows: stored.length }
  const found = { day, ...rows, differences, reconciledMs: deps.now() }
  await deps.storeReconciliation(found)
  const count = (kind: AnomalyDifference['kind']): number => differences.filter((d) => d.kind === kind).length
  return {
    expected: expected.length,
    stored: stored.length,
    missing: count('missing'),
    extra: count('extra'),
    different: count('different'),
  }
}
