import { activityInfo } from '@temporalio/activity'
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common'
import { GuardianError, type ErrorCode } from '../../domain/errors.js'
import type { LogEnds } from './kpi-contract.js'

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
const MAX_NAMED = 5

/** Partitions whose reader has not passed the end of the log; the first of them by name. */
export function behindOf(
  ends: LogEnds,
  positions: readonly { readonly topic: string; readonly partition: number; readonly nextOffset: number }[],
): string[] {
  const at = new Map(positions.map(({ topic, partition, nextOffset }) => [`${topic}/${partition}`, nextOffset]))
  const behind = ends
    .filter(({ topic, partition, end }) => end > 0 && (at.get(`${topic}/${partition}`) ?? 0) < end)
    .map(({ topic, partition, end }) => `${topic}/${partition} at ${end}`)
  const more = behind.length - MAX_NAMED
  return more > 0 ? [...behind.slice(0, MAX_NAMED), `${more} more`] : behind
}

/**
 * The failure of an activity that has to wait: Temporal retries it, at increasing intervals, until `waitMs` after it was
 * first scheduled. The wait spans all attempts and workers, and holds no slot.
 * @returns after that time GRD_ARCHIVE_INCOMPLETE, which is not retried
 */
export function retryUntil(waitMs: number, reason: string): Error {
  const { attempt, scheduledTimestampMs } = activityInfo()
  const leftMs = scheduledTimestampMs + waitMs - Date.now()
  if (leftMs <= 0) return new GuardianError('GRD_ARCHIVE_INCOMPLETE', `after ${waitMs} ms ${reason}`)
  return ApplicationFailure.create({
    message: reason,
    type: 'GRD_ARCHIVE_INCOMPLETE' satisfies ErrorCode,
    nonRetryable: false,
    nextRetryDelay: Math.ceil(Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_MS, leftMs + 1)),
    category: ApplicationFailureCategory.BENIGN,
  })
}
