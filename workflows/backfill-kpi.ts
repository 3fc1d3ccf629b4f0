import {
  ParentClosePolicy,
  defineQuery,
  executeChild,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow'
import type { KpiActivities } from '../activities/kpi/kpi-activities.js'
import { planBackfill } from '../domain/kpi/plan-backfill.js'
import type { UtcDay } from '../domain/utc-day.js'
import { WORKFLOWS, type BackfillKpiInput, type BackfillKpiResult, type BackfilledDay } from './contract.js'
import { decide } from './decide.js'
import { failureReason } from './failure-reason.js'
import { recordedRun } from './recorded-run.js'

const { previewDay } = proxyActivities<KpiActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '30 minutes',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '1 minute',
    maximumAttempts: 20,
  },
})

/** How far a backfill is: every day of the range with what became of it. */
export const progressQuery = defineQuery<readonly BackfilledDay[]>('progress')

/**
 * The figures of a range of days, each by a run of its own, some at once. A day that fails does not stop the others.
 * Days that are up to date are left alone, unless all are asked for.
 */
export async function backfillKpi(input: BackfillKpiInput): Promise<BackfillKpiResult> {
  const planned = decide(() => planBackfill(input))
  const days = new Map<UtcDay, BackfilledDay>(planned.days.map((day) => [day, { day, state: 'waiting' }]))
  const report = (day: BackfilledDay): void => {
    days.set(day.day, day)
    setCurrentDetails(describe([...days.values()]))
  }
  setHandler(progressQuery, () => [...days.values()])
  return recordedRun({ from: input.from, to: input.to, all: input.all === true }, async () => {
    const waiting = [...planned.days]
    const work = async (): Promise<void> => {
      for (let day = waiting.shift(); day !== undefined; day = waiting.shift()) report(await backfillDay(day, input))
    }
    await Promise.all(Array.from({ length: planned.parallel }, work))
    const result = { days: [...days.values()] }
    const failed = result.days.filter(({ state }) => state === 'failed').length
    return { ...result, failed }
  })
}

async function backfillDay(day: UtcDay, { all, archiveWaitMs }: BackfillKpiInput): Promise<BackfilledDay> {
  try {
    const preview = await previewDay({ day })
    if (all !== true && preview.why.length === 0) return { day, state: 'up_to_date' }
    const { taskQueue, type, workflowId } = WORKFLOWS.dailyKpi
    const child = { workflowId: workflowId(day), taskQueue, parentClosePolicy: ParentClosePolicy.ABANDON }
    await executeChild(type, { ...child, args: [{ day, archiveWaitMs }] })
    return { day, state: 'published' }
  } catch (error) {
    return { day, state: 'failed', reason: failureReason(error).slice(0, 300) }
  }
}

function describe(days: readonly BackfilledDay[]): string {
  const count = (state: BackfilledDay['state']): number => days.filter((day) => day.state === state).length
  const failed = days.filter(({ state }) => state === 'failed').map(({ day, reason = '' }) => `- ${day}: ${reason}`)
  return [
    `${days.length - count('waiting')} of ${days.length} days: ${count('published')} published, ${count('up_to_date')} up to date, ${count('failed')} failed`,
    ...failed,
  ].join('\n')
}
