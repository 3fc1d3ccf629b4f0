import { CancellationScope, defineQuery, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'
import type { BackTestActivities } from '../activities/back-test/back-test-activities.js'
import type { BackTestInput, BackTestProgress } from './contract.js'
import { failureReason } from './failure-reason.js'
import { makeSearchable } from './make-searchable.js'

const retry = { initialInterval: '1 second', maximumInterval: '1 minute' } as const

const { beginBackTest, completeBackTest, failBackTest } = proxyActivities<BackTestActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: { ...retry, maximumAttempts: 30 },
})
const { testBackTestPart } = proxyActivities<BackTestActivities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '30 seconds',
  retry: { ...retry, maximumAttempts: 5 },
})

const backTestProgressQuery = defineQuery<BackTestProgress>('progress')

/** Tests a candidate rule on archived days, one partition after the other. What is tested, and what came of it, is stored. */
export async function backTest({ backTestId }: BackTestInput): Promise<BackTestProgress> {
  let progress: BackTestProgress = { parts: 0, tested: 0, records: 0 }
  setHandler(backTestProgressQuery, () => progress)
  makeSearchable()
  setCurrentDetails('Looking up what is archived')
  try {
    const { parts } = await beginBackTest({ backTestId })
    progress = { ...progress, parts: parts.length }
    for (const kafkaPartition of parts) {
      setCurrentDetails(describe(progress))
      const { records } = await testBackTestPart({ backTestId, kafkaPartition })
      progress = { ...progress, tested: progress.tested + 1, records: progress.records + records }
    }
    await completeBackTest({ backTestId })
    setCurrentDetails(`${describe(progress)}\n\nThe result is at \`/backtests/${backTestId}\`.`)
    return progress
  } catch (error) {
    const reason = failureReason(error)
    await CancellationScope.nonCancellable(() => failBackTest({ backTestId, reason: reason.slice(0, 500) }))
    throw error
  }
}

const describe = ({ parts, tested, records }: BackTestProgress): string =>
  `${tested} of ${parts} partitions, ${records} records`
