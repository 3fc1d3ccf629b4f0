import { ApplicationFailure } from '@temporalio/common'
import { isCancellation, proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { CompactedDay, CompactionActivities } from '../activities/compaction/compaction-activities.js'
import type { ErrorCode } from '../domain/errors.js'
import { addDays } from '../domain/utc-day.js'
import type { CompactArchiveInput, CompactArchiveResult } from './contract.js'
import { failureReason } from './failure-reason.js'
import { recordedRun } from './recorded-run.js'
import { scheduledDay } from './scheduled-day.js'

const retry = {
  initialInterval: '5 seconds',
  maximumInterval: '1 minute',
  maximumAttempts: 5,
}

const { listCompactionDays } = proxyActivities<CompactionActivities>({ startToCloseTimeout: '1 minute', retry })
const { compactDay, removeSuperseded } = proxyActivities<CompactionActivities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '30 seconds',
  retry,
})

/**
 * Puts small files of the archive together, day by day, the newest first, and removes those that were put together so long
 * ago that nobody reads them any more. A day that fails does not keep the others from it. Without a day it goes up to the day
 * before the one that the schedule was due on.
 */
export async function compactArchive(input: CompactArchiveInput): Promise<CompactArchiveResult> {
  const day = input.day === undefined ? addDays(scheduledDay(undefined), -1) : scheduledDay(input.day)
  return recordedRun({ day }, async () => {
    const { removed } = await removeSuperseded()
    const days = await listCompactionDays({ upTo: day, limit: input.maxDays })
    const result = { day, days: 0, merged: 0, written: 0, rows: 0, bytes: 0, removed }
    const failures: string[] = []
    for (const [at, of] of days.entries()) {
      setCurrentDetails(`Putting together ${of.dataset} of ${of.day}, ${at + 1} of ${days.length}`)
      try {
        add(result, await compactDay(of))
      } catch (error) {
        if (isCancellation(error)) throw error
        failures.push(`${of.dataset} of ${of.day}: ${failureReason(error)}`)
      }
    }
    setCurrentDetails([describe(result), ...failures.map((one) => `- Failed: ${one}`)].join('\n'))
    if (failures.length > 0)
      throw ApplicationFailure.nonRetryable(
        `${failures.length} of ${days.length} days stay as they were: ${failures.slice(0, 3).join('; ')}`,
        'GRD_COMPACTION' satisfies ErrorCode,
      )
    return result
  })
}

function add(total: { -readonly [Name in keyof CompactArchiveResult]: CompactArchiveResult[Name] }, one: CompactedDay) {
  total.days++
  total.merged += one.merged
  total.written += one.written
  total.rows += one.rows
  total.bytes += one.bytes
}

const describe = ({ day, days, merged, written, rows, removed }: CompactArchiveResult): string =>
  [
    `**up to ${day}**: ${merged} files became ${written}, ${rows} rows.`,
    '',
    `- ${days} days were put together, clicks and purchases counted apart.`,
    `- ${removed} files that were put together before are removed.`,
  ].join('\n')
