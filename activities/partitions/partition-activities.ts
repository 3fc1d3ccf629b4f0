import { heldReason, type HeldReason, type PartitionArchival } from '../../domain/partition-planning/held-day.js'
import { parseUtcDay, utcDayOf, type UtcDay } from '../../domain/utc-day.js'
import { asActivity } from '../activity-failure.js'

export interface PartitionDeps {
  /** The partitions that are there, each with its first instant. */
  readonly listDayPartitions: () => Promise<readonly { readonly from: Date }[]>
  /** @returns whether it was made now, or attached again */
  readonly ensureDayPartition: (day: UtcDay) => Promise<boolean>
  /** Also tables that are no partition any more. */
  readonly listDayTables: () => Promise<
    readonly { readonly day: UtcDay; readonly state: 'attached' | 'detaching' | 'detached' }[]
  >
  readonly readDayArchival: (day: UtcDay) => Promise<readonly PartitionArchival[]>
  readonly detachDay: (day: UtcDay) => Promise<void>
  readonly dropDetachedDay: (
    day: UtcDay,
    heldBy: (partitions: readonly PartitionArchival[]) => HeldReason | undefined,
  ) => Promise<{ readonly rows: number } | { readonly held: HeldReason } | null>
  /** How long nothing was written to a day before it is dropped, in days. */
  readonly settledDays: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** What became of a day that is past its retention. */
export type DroppedDay =
  | { readonly state: 'dropped'; readonly rows: number }
  | { readonly state: 'held'; readonly reason: HeldReason }
  /** An earlier attempt has dropped it, and its answer was lost. */
  | { readonly state: 'gone' }

/** Activities on the day partitions of `anomaly_sessions`. All may be repeated. */
export const createPartitionActivities = (deps: PartitionDeps) => ({
  /** The days that have a partition, oldest first. */
  listPartitionDays: (): Promise<UtcDay[]> =>
    asActivity(async () => (await deps.listDayPartitions()).map(({ from }) => utcDayOf(from.getTime()))),

  /** Makes one day's partition if there is none. A lock that is not free in time fails the attempt, not the run. */
  ensurePartition: ({ day }: { readonly day: string }): Promise<{ readonly created: boolean }> =>
    asActivity(async () => ({ created: await deps.ensureDayPartition(parseUtcDay(day)) })),

  /**
   * Days to look at for dropping: first those that an interrupted run left on the way, because PostgreSQL detaches one
   * at a time, then those before `before`, oldest first.
   */
  listExpiredDays: ({ before }: { readonly before: string }): Promise<UtcDay[]> =>
    asActivity(async () => {
      const tables = await deps.listDayTables()
      const on = (state: (typeof tables)[number]['state']) => tables.filter((table) => table.state === state)
      const expired = on('attached').filter(({ day }) => day < before)
      return [...on('detaching'), ...on('detached'), ...expired].map(({ day }) => day)
    }),

  /**
   * Detaches and drops one day, unless something speaks against it. A lock that is not free in time fails the attempt,
   * not the run: what was begun, the next attempt goes on with.
   */
  dropDay: ({ day, oldestKept }: { readonly day: string; readonly oldestKept: string }): Promise<DroppedDay> =>
    asActivity(() => dropDay(deps, parseUtcDay(day), parseUtcDay(oldestKept))),
})

export type PartitionActivities = ReturnType<typeof createPartitionActivities>

async function dropDay(deps: PartitionDeps, day: UtcDay, oldestKept: UtcDay): Promise<DroppedDay> {
  const heldBy = (partitions: readonly PartitionArchival[]): HeldReason | undefined =>
    heldReason(day, partitions, { oldestKept, settledDays: deps.settledDays }, deps.now())
  const state = (await deps.listDayTables()).find((table) => table.day === day)?.state
  if (state === undefined) return { state: 'gone' }
  if (state === 'attached') {
    const reason = heldBy(await deps.readDayArchival(day))
    if (reason !== undefined) return { state: 'held', reason }
  }
  await deps.detachDay(day)
  const outcome = await deps.dropDetachedDay(day, heldBy)
  // Rows came between the look and the detaching, or an operator keeps days for longer by now: it is put back.
  if (outcome !== null && 'held' in outcome) {
    await deps.ensureDayPartition(day)
    return { state: 'held', reason: outcome.held }
  }
  return outcome === null ? { state: 'gone' } : { state: 'dropped', rows: outcome.rows }
}
