import { proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { KpiActivities } from '../activities/kpi/kpi-activities.js'
import { addDays } from '../domain/utc-day.js'
import type { DailyKpiInput, DailyKpiResult } from './contract.js'
import { recordedRun } from './recorded-run.js'
import { scheduledDay } from './scheduled-day.js'

const { readLogEnds, publishDay } = proxyActivities<KpiActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '1 minute',
    maximumAttempts: 30,
  },
})

const { awaitArchive } = proxyActivities<KpiActivities>({
  startToCloseTimeout: '1 minute', // of one attempt: Temporal retries until the time of waiting is over
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
})

const { computeDay } = proxyActivities<KpiActivities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '30 seconds',
  retry: {
    initialInterval: '5 seconds',
    maximumInterval: '1 minute',
    maximumAttempts: 5,
  },
})

/**
 * The figures of one day: waits until the archive has all of it, computes, checks, publishes. Without a day it is for
 * the day before the one that the schedule was due on.
 */
export async function dailyKpi(input: DailyKpiInput): Promise<DailyKpiResult> {
  const day = input.day === undefined ? addDays(scheduledDay(undefined, input.timeZone), -1) : scheduledDay(input.day)
  return recordedRun({ day }, async () => {
    setCurrentDetails(`**${day}**: waiting until the archive has all of it`)
    const ends = await readLogEnds({ day, isShopDay: true })
    await awaitArchive({ ends, waitMs: input.archiveWaitMs })
    setCurrentDetails(`**${day}**: computing`)
    const computed = await computeDay({ day })
    setCurrentDetails(`**${day}**: publishing`)
    const published = await publishDay({ day, fence: computed.fence })
    const result = { day, computed, published }
    setCurrentDetails(describe(result))
    return result
  })
}

const describe = ({ day, computed, published }: DailyKpiResult): string =>
  [
    `**${day}**: ${published.summary}.`,
    '',
    `- ${computed.events} clicks, ${computed.purchases} purchases, ${computed.sessions} sessions, ${computed.flaggedSessions} flagged.`,
    `- ${computed.rows} rows of ${computed.files} files in ${computed.computeMs} ms.`,
    ...(computed.leftOut ?? []).map((line) => `- Left out: ${line}.`),
    ...computed.warnings.map((warning) => `- Unusual: ${warning}.`),
  ].join('\n')
