import { parseUtcDay, utcDayOf, type UtcDay } from '../../domain/utc-day.js'
import { asActivity } from '../activity-failure.js'

export interface PartitionDeps {
  /** The partitions that are there, each with its first instant. */
  readonly listDayPartitions: () => Promise<readonly { readonly from: Date }[]>
  /** @returns whether it was made now */
  readonly ensureDayPartition: (day: UtcDay) => Promise<boolean>
}

/** Activities on the day partitions of `anomaly_sessions`. All may be repeated. */
export const createPartitionActivities = ({ listDayPartitions, ensureDayPartition }: PartitionDeps) => ({
  /** The days that have a partition, oldest first. */
  listPartitionDays: (): Promise<UtcDay[]> =>
    asActivity(async () => (await listDayPartitions()).map(({ from }) => utcDayOf(from.getTime()))),

  /** Makes one day's partition if there is none. A lock that is not free in time fails the attempt, not the run. */
  ensurePartition: ({ day }: { readonly day: string }): Promise<{ readonly created: boolean }> =>
    asActivity(async () => ({ created: await ensureDayPartition(parseUtcDay(day)) })),
})

export type PartitionActivities = ReturnType<typeof createPartitionActivities>
