import { proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { ReplayActivities } from '../activities/dead-letters/replay-activities.js'
import type { DlqReplayInput, DlqReplayResult } from './contract.js'
import { recordedRun } from './recorded-run.js'

const { replayDeadLetters } = proxyActivities<ReplayActivities>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '1 minute',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 20,
    nonRetryableErrorTypes: ['GRD_BAD_INPUT', 'GRD_STORE_REFUSED'],
  },
})

/** Sends dead letters back to where they came from, those that would be taken now. A dry run only counts. */
export async function dlqReplay(input: DlqReplayInput): Promise<DlqReplayResult> {
  setCurrentDetails(input.isDryRun ? 'Dry run: counting what would be sent back' : 'Sending dead letters back')
  if (input.isDryRun) return told(await replayDeadLetters(input), input)
  const { replayId, filter } = input
  return recordedRun({ replayId, filter }, async () => told(await replayDeadLetters(input), input))
}

function told(result: DlqReplayResult, { isDryRun }: DlqReplayInput): DlqReplayResult {
  const { replayed, already_replayed: before, unfit, parked, no_origin: lost } = result.outcomes
  setCurrentDetails(
    [
      `${isDryRun ? 'Dry run. ' : ''}${result.selected} dead letters selected`,
      `- ${replayed} ${isDryRun ? 'would be' : 'were'} sent back`,
      `- ${before} had been sent back before, ${unfit} would come back, ${parked} are parked, ${lost} have no origin`,
    ].join('\n'),
  )
  return result
}
