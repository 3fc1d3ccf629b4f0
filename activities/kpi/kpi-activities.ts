import { activityInfo, cancellationSignal } from '@temporalio/activity'
import { GuardianError } from '../../domain/errors.js'
import { describeChanges } from '../../domain/kpi/compare-figures.js'
import { staleReasons, type DayState } from '../../domain/kpi/day-versions.js'
import { figuresOf, type DayFigures } from '../../domain/kpi/figures.js'
import { checkFigures } from '../../domain/kpi/quality-gates.js'
import {
  daySumsOf,
  describeQuarantine,
  quarantineOf,
  unfitCountsOf,
  unfitRecordsOf,
  waitingRecords,
  type DaySums,
  type KnownRecord,
  type UnfitRecord,
} from '../../domain/kpi/quarantine.js'
import { shopDayBounds, UTC, type DayBounds, type TimeZone } from '../../domain/shop-day.js'
import { parseUtcDay, type UtcDay } from '../../domain/utc-day.js'
import type { WithFiles } from '../with-files.js'
import { asActivity } from '../activity-failure.js'
import { behindOf, retryUntil } from './log-progress.js'
import type { KpiEngine } from './kpi-engine.js'
import type { ComputedDay, DayPreview, LogEnds, PublishedDay } from './kpi-contract.js'

interface ManifestFile {
  readonly dataset: 'clicks' | 'purchases'
  readonly path: string
  readonly rows: number
}

interface Inputs {
  readonly archiveVersion: number
  readonly archivedRows: number
  readonly flaggedSessions: number
  readonly flaggedDigest: string
  /** Tells one set of released records from another. */
  readonly releasedDigest: string
}

export interface KpiDeps {
  /** Where the log of each archived topic ends now. */
  readonly logEnds: () => Promise<LogEnds>
  readonly archivePositions: () => Promise<
    readonly { readonly topic: string; readonly partition: number; readonly nextOffset: number }[]
  >
  readonly dayManifest: (day: UtcDay) => Promise<
    Omit<Inputs, 'flaggedSessions'> & {
      readonly files: readonly ManifestFile[]
      readonly flaggedSessions: readonly string[]
      /** Records of the day that earlier runs have quarantined. */
      readonly known: readonly KnownRecord[]
    }
  >
  readonly dayState: (day: UtcDay) => Promise<DayState>
  /** Whether the day's anomalies were dropped. */
  readonly isDayDropped: (day: UtcDay) => Promise<boolean>
  readonly recentEvents: (day: UtcDay) => Promise<number[]>
  readonly raiseFence: (day: UtcDay) => Promise<number>
  readonly stageFigures: (
    day: UtcDay,
    fence: number,
    figures: DayFigures,
    inputs: Inputs & {
      readonly isUnusual: boolean
      readonly quarantinedRecords: number
      readonly droppedRecords: number
      readonly sums: DaySums
      readonly timeZone: TimeZone
      readonly bounds: DayBounds
    },
  ) => Promise<void>
  /** Stores records that were left out; a released one that does not fit waits for a decision again. */
  readonly quarantine: (day: UtcDay, bounds: DayBounds, records: readonly UnfitRecord[]) => Promise<void>
  /** Of the shop: a day is from midnight to midnight in it. */
  readonly timeZone: TimeZone
  /** Records of a day that may wait for a decision. */
  readonly maxQuarantined: number
  readonly publishFigures: (
    day: UtcDay,
    fence: number,
  ) => Promise<{
    readonly isFirst: boolean
    readonly changes: Parameters<typeof describeChanges>[0]
    readonly causes: Parameters<typeof describeChanges>[1]
  }>
  readonly engine: KpiEngine
  /** Has the files of these paths of the manifest where the engine can open them, while `work` goes on. */
  readonly withFiles: WithFiles
  /** How late an event may come and still be on time. */
  readonly allowedLatenessMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** Activities that make the figures of a day. All may be repeated. */
export const createKpiActivities = (deps: KpiDeps) => ({
  /** Where the log ends: the archive has to come that far before a day that is over is complete. UTC days, unless it is the shop's. */
  readLogEnds: ({ day, isShopDay }: { readonly day: string; readonly isShopDay?: boolean }): Promise<LogEnds> =>
    asActivity(async () => {
      const { toMs } = shopDayBounds(isShopDay === true ? deps.timeZone : UTC, parseUtcDay(day))
      const over = toMs + deps.allowedLatenessMs
      if (deps.now() < over)
        throw new GuardianError('GRD_BAD_INPUT', `${day} is not over until ${new Date(over).toISOString()}`)
      return deps.logEnds()
    }),

  /** Succeeds once the archive has passed these offsets; Temporal retries it until then. @throws GRD_ARCHIVE_INCOMPLETE naming what is missing */
  awaitArchive: ({ ends, waitMs }: { readonly ends: LogEnds; readonly waitMs: number }): Promise<void> =>
    asActivity(async () => {
      const behind = behindOf(ends, await deps.archivePositions())
      if (behind.length > 0)
        throw retryUntil(waitMs, `the archive has still to come to ${behind.join(', ')}: does an archiver run?`)
    }),

  /** Computes a day and keeps the figures under a fence of this attempt. @throws GRD_QUALITY_GATE */
  computeDay: ({ day }: { readonly day: string }): Promise<ComputedDay> =>
    asActivity(() => computeDay(deps, parseUtcDay(day))),

  /** Publishes what was computed under a fence. @throws GRD_FENCED when a later attempt has begun */
  publishDay: ({ day, fence }: { readonly day: string; readonly fence: number }): Promise<PublishedDay> =>
    asActivity(async () => {
      const { isFirst, changes, causes } = await deps.publishFigures(parseUtcDay(day), fence)
      return {
        isFirst,
        changedFigures: changes.length,
        causes,
        summary: isFirst ? 'published for the first time' : describeChanges(changes, causes),
        changes: changes.slice(0, 50),
      }
    }),

  /** What a run of a day would do, without doing it. */
  previewDay: ({ day }: { readonly day: string }): Promise<DayPreview> =>
    asActivity(async () => {
      const state = await deps.dayState(parseUtcDay(day))
      const { files, archivedRows } = state
      return {
        day: state.day,
        files,
        rows: archivedRows,
        isPublished: state.published !== null,
        why: staleReasons(state),
      }
    }),
})

export type KpiActivities = ReturnType<typeof createKpiActivities>

async function computeDay(deps: KpiDeps, day: UtcDay): Promise<ComputedDay> {
  const startedAt = performance.now()
  if (await deps.isDayDropped(day))
    throw new GuardianError('GRD_BAD_INPUT', `the anomalies of ${day} have been dropped: its figures stay as they are`)
  const { timeZone } = deps
  const bounds = shopDayBounds(timeZone, day)
  const fence = await deps.raiseFence(day)
  const manifest = await deps.dayManifest(day)
  const filesOf = (dataset: ManifestFile['dataset']): string[] =>
    manifest.files.filter((file) => file.dataset === dataset).map(({ path }) => path)
  const answer = await deps.withFiles([...filesOf('clicks'), ...filesOf('purchases')], (pathOf) =>
    deps.engine.compute(
      {
        clickFiles: filesOf('clicks').map(pathOf),
        purchaseFiles: filesOf('purchases').map(pathOf),
        flaggedSessions: manifest.flaggedSessions,
        ...bounds,
        known: manifest.known,
        mostUnfit: deps.maxQuarantined,
      },
      cancellationSignal(),
    ),
  )
  const computedAt = performance.now()
  const figures = figuresOf(answer)
  const namedRows = manifest.files.reduce((sum, { rows }) => sum + rows, 0)
  const { readRows, nulls } = answer
  const unfit = unfitRecordsOf(answer.unfit)
  const quarantine = quarantineOf(manifest.known, unfit, unfitCountsOf(answer.unfitCounts))
  const { sums, unknownTypes } = daySumsOf(answer.sums)
  const { maxQuarantined } = deps
  const rows = { namedRows, readRows, nulls, unknownTypes, quarantine, maxQuarantined }
  const { broken, remedies, warnings, isUnusual } = checkFigures(figures, {
    ...rows,
    recentEvents: await deps.recentEvents(day),
  })
  cancellationSignal().throwIfAborted()
  // Also of a day that is not published: its message names them, and a decision on them is the remedy.
  await deps.quarantine(day, bounds, unfit)
  if (broken.length > 0) throw notPublished(day, broken, remedies)
  const { archiveVersion, archivedRows, flaggedDigest, releasedDigest, flaggedSessions } = manifest
  const quarantinedRecords = waitingRecords(quarantine)
  await deps.stageFigures(day, fence, figures, {
    ...{ archiveVersion, archivedRows, flaggedDigest, releasedDigest, isUnusual, sums, timeZone, bounds },
    ...{ flaggedSessions: flaggedSessions.length, quarantinedRecords, droppedRecords: quarantine.dropped },
  })
  return {
    fence,
    attempt: activityInfo().attempt,
    files: manifest.files.length,
    rows: answer.readRows,
    events: figures.metrics.all.events,
    purchases: figures.metrics.all.purchases,
    sessions: figures.metrics.all.sessions,
    flaggedSessions: flaggedSessions.length,
    // What was archived before quarters of an hour were counted is not in the count of a day that is none of UTC.
    repeatedRows: Math.max(
      0,
      archivedRows -
        figures.metrics.all.events -
        figures.metrics.all.purchases -
        figures.metrics.all.returns -
        quarantinedRecords -
        quarantine.dropped,
    ),
    quarantinedRecords,
    droppedRecords: quarantine.dropped,
    leftOut: describeQuarantine(day, quarantine),
    warnings,
    computeMs: Math.round(computedAt - startedAt),
  }
}

const notPublished = (day: UtcDay, broken: readonly string[], remedies: readonly string[]): GuardianError =>
  new GuardianError(
    'GRD_QUALITY_GATE',
    `${day} is not published: ${broken.slice(0, 5).join('; ')}. What to do: ${remedies.slice(0, 3).join('; ').replaceAll('DAY', day)}`,
  )
