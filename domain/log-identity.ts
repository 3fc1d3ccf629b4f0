/** Where a checkpoint says that a partition goes on. */
export interface StoredPosition {
  readonly nextOffset: number
  /** The highest log append time behind it; null when that was not stored yet. */
  readonly lastAppendTs: Date | null
}

/** What Kafka says of the partition now. */
export interface LogNow {
  readonly low: number
  /** The offset that the next record will get. */
  readonly high: number
  /** The first record that was appended later than all that were read; undefined when that is not known. */
  readonly firstLater: number | undefined
}

/**
 * Why the log cannot be the one that a checkpoint stands on, but is another under the same name: it ends before the
 * checkpoint, or has later records in front of it than all that were read. @returns undefined when nothing speaks against it
 */
export function whyAnotherLog(
  { nextOffset, lastAppendTs }: StoredPosition,
  { low, high, firstLater }: LogNow,
): string | undefined {
  if (nextOffset > high) return `the log ends at ${high}`
  if (lastAppendTs === null || nextOffset <= low || firstLater === undefined || firstLater >= nextOffset)
    return undefined
  return `its records from ${firstLater} on are later than all that were read`
}
