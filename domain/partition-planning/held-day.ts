import { DAY_MS, startOfDayMs, type UtcDay } from '../utc-day.js'

/**
 * Why a day is not dropped. `within_retention`: it is not old enough. `recently_written`: a log of long ago is being
 * read, and people still look at what comes of it. `not_archived`, `archive_gap`: its clicks are not all in the archive.
 * `locked`: a transaction that goes on and on holds the table.
 */
export type HeldReason = 'within_retention' | 'recently_written' | 'not_archived' | 'archive_gap' | 'locked'

export interface HeldDay {
  readonly day: UtcDay
  readonly reason: HeldReason
}

/** How far detector and archive are in one partition of the log, and what the day's rows have of it. */
export interface PartitionArchival {
  readonly topic: string
  readonly partition: number
  /** Where the detector goes on; null when it has no checkpoint. */
  readonly detectorOffset: number | null
  /** Where the archive goes on; null when it has never had the partition. */
  readonly archiveOffset: number | null
  /** The highest event time that is archived, in ms, never after its log append time; null before the first event. */
  readonly archivedToMs: number | null
  /** Rows of the day that come from this partition. */
  readonly rows: number
  /** The last record that one of them was made as of; null without rows. */
  readonly lastRowOffset: number | null
  /** When the last of them was first written, in ms; null without rows. */
  readonly lastWriteMs: number | null
  /** Whether offsets that the rows lie between were lost before they were archived. */
  readonly hasGap: boolean
}

export interface DropPolicy {
  /** The oldest day that stays. */
  readonly oldestKept: UtcDay
  /** How long nothing was written to a day before it is dropped, in days. */
  readonly settledDays: number
}

/** A window begins on its day and is no longer than one: two days after its day began, all of them have ended. */
const WINDOWS_END_AFTER_MS = 2 * DAY_MS

/**
 * Why a day may not be dropped, or nothing when it may.
 *
 * A day is archived when, of every partition of the clicks, one of these holds: the archive has come to an event of two
 * days after the day began, by when the day's windows have ended and what still comes for them is late; or the archive
 * has everything that the detector has read, and every record that a row of the day was made as of.
 * @param partitions of the clicks, all that the detector or a row of the day knows
 */
export function heldReason(
  day: UtcDay,
  partitions: readonly PartitionArchival[],
  { oldestKept, settledDays }: DropPolicy,
  nowMs: number,
): HeldReason | undefined {
  if (day >= oldestKept) return 'within_retention'
  const lastWriteMs = Math.max(...partitions.map((p) => p.lastWriteMs ?? Number.NEGATIVE_INFINITY))
  if (lastWriteMs > nowMs - settledDays * DAY_MS) return 'recently_written'
  if (partitions.some(({ hasGap }) => hasGap)) return 'archive_gap'
  // Without a partition nothing is known, and what is not known is not dropped.
  const isArchived = partitions.length > 0 && partitions.every((partition) => isPassed(day, partition))
  return isArchived ? undefined : 'not_archived'
}

function isPassed(day: UtcDay, { detectorOffset, archiveOffset, archivedToMs, lastRowOffset }: PartitionArchival) {
  if (archiveOffset === null) return (detectorOffset ?? 0) === 0 && lastRowOffset === null
  if (archivedToMs !== null && archivedToMs >= startOfDayMs(day) + WINDOWS_END_AFTER_MS) return true
  return archiveOffset >= Math.max(detectorOffset ?? 0, (lastRowOffset ?? -1) + 1)
}
