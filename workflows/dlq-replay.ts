import { proxyActivities, setCurrentDetails, sleep, workflowInfo } from '@temporalio/workflow'
import type { FateActivities } from '../activities/dead-letters/fate-activities.js'
import type { ReplayActivities } from '../activities/dead-letters/replay-activities.js'
import type { ReplayFates } from '../domain/dead-letters/replay.js'
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
  },
})

const { settleReplay } = proxyActivities<FateActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '1 minute',
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '1 minute',
    maximumAttempts: 10,
  },
})

/** Sends dead letters back to where they came from, those that would be taken now. A dry run only counts. */
export async function dlqReplay(input: DlqReplayInput): Promise<DlqReplayResult> {
  setCurrentDetails(input.isDryRun ? 'Dry run: counting what would be sent back' : 'Sending dead letters back')
  if (input.isDryRun) return described(await replayDeadLetters(input), input)
  const { replayId, filter } = input
  return recordedRun({ replayId, filter }, async () => described(await sendAndSettle(input), input))
}

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 15_000

/** That they would be taken was a prediction: the detector's own word is compared with it. */
async function sendAndSettle(input: DlqReplayInput): Promise<DlqReplayResult> {
  const { sentUpTo, ...report } = await replayDeadLetters(input)
  const { replayed } = report.outcomes
  const { replayId, outcomeWaitMs } = input
  if (outcomeWaitMs === undefined || sentUpTo === undefined || replayed === 0) return report
  setCurrentDetails(`Waiting until the detector has decided ${replayed} dead letters that were sent back`)
  const request = { replayId, since: workflowInfo().startTime.toISOString(), replayed, sentUpTo }
  const untilMs = Date.now() + outcomeWaitMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const fates = await settleReplay(request)
    if (fates.undecided === 0 || Date.now() >= untilMs) return { ...report, fates }
    await sleep(Math.max(1, Math.min(pauseMs, untilMs - Date.now())))
  }
}

function described(result: DlqReplayResult, { isDryRun }: DlqReplayInput): DlqReplayResult {
  const { replayed, already_replayed: before, unfit, parked, no_origin: lost } = result.outcomes
  const { fates } = result
  setCurrentDetails(
    [
      `${isDryRun ? 'Dry run. ' : ''}${result.selected} dead letters selected`,
      `- ${replayed} ${isDryRun ? 'would be' : 'were'} sent back`,
      ...(fates === undefined
        ? []
        : [
            `- the detector took ${fates.recovered + fates.late}, refused ${refused(fates)}, has not decided ${fates.undecided}`,
          ]),
      `- ${before} had been sent back before, ${unfit} would come back, ${parked} are parked, ${lost} have no origin`,
    ].join('\n'),
  )
  return result
}

const refused = ({ dead_again: again }: ReplayFates): number => Object.values(again).reduce((sum, n) => sum + n, 0)
