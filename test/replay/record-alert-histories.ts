/** Records the histories of the alert workflows, as `record-histories.ts` says; every activity answers from memory. */
import { ApplicationFailure } from '@temporalio/common'
import type { DeadLetterActivities } from '../../activities/alerts/dead-letter-activities.js'
import type { LookActivities } from '../../activities/alerts/look-activities.js'
import type { WatchActivities } from '../../activities/alerts/watch-activities.js'
import type { FateActivities } from '../../activities/dead-letters/fate-activities.js'
import type { ReplayActivities } from '../../activities/dead-letters/replay-activities.js'
import type { NotifyActivities } from '../../activities/notify/notify-activities.js'
import type { RunActivities } from '../../activities/runs/run-activities.js'
import { WORKFLOWS, type AlertWatchInput, type DlqAlertInput } from '../../workflows/contract.js'
import { useHistoryRecorder } from '../support/history-recorder.js'

type Activities = DeadLetterActivities &
  LookActivities &
  NotifyActivities &
  WatchActivities &
  ReplayActivities &
  FateActivities &
  RunActivities

const input: DlqAlertInput = { thresholds: { warning: 10, critical: 1_000 }, maxRecords: 1_000_000 }
const quiet = { sent: [], suppressed: 0, counted: 0, left: 0, missed: 0 }

const replayed = {
  selected: 3,
  outcomes: { replayed: 1, already_replayed: 0, unfit: 2, parked: 0, no_origin: 0 },
  faults: { DECODE: 2 },
}

const activities = (more: Partial<Activities> = {}): Activities => ({
  lookAtDeadLetters: () => Promise.resolve(quiet),
  listUndelivered: () => Promise.resolve([]),
  watchSource: ({ source }) => Promise.resolve({ source, observations: [], from: null, to: null }),
  decideWatch: () => Promise.resolve({ sent: [], suppressed: 0 }),
  replayDeadLetters: () => Promise.resolve(replayed),
  settleReplay: () => Promise.reject(new Error('nothing was sent')),
  recordRunStarted: () => Promise.resolve(),
  recordRunEnded: () => Promise.resolve(),
  sendSlack: () => Promise.resolve('sent'),
  sendEmail: () => Promise.resolve('sent'),
  giveUpDelivery: () => Promise.resolve(),
  ...more,
})

const throttledOnce = (): NotifyActivities['sendSlack'] => {
  let attempts = 0
  return () => {
    attempts += 1
    if (attempts > 1) return Promise.resolve('sent')
    throw ApplicationFailure.create({ message: 'SLACK_429', type: 'GRD_DELIVERY_PENDING', nextRetryDelay: 200 })
  }
}

const LOOKS: readonly (readonly [string, Partial<Activities>])[] = [
  ['dlq-alert-quiet', {}],
  [
    'dlq-alert-sends',
    {
      lookAtDeadLetters: () => Promise.resolve({ ...quiet, counted: 12, sent: ['a1', 'a2'], suppressed: 1 }),
      listUndelivered: () => Promise.resolve(['a0']),
    },
  ],
  [
    'dlq-alert-already-delivering',
    {
      lookAtDeadLetters: () => Promise.resolve({ ...quiet, counted: 12, sent: ['a3'] }),
      sendSlack: () => new Promise((resolve) => setTimeout(() => resolve('sent'), 1_500)),
    },
  ],
]

const DELIVERIES: readonly (readonly [string, Partial<Activities>])[] = [
  ['deliver-alert-both', {}],
  ['deliver-alert-throttled', { sendSlack: throttledOnce(), sendEmail: () => Promise.resolve('not_owed') }],
  [
    'deliver-alert-given-up',
    { sendEmail: () => Promise.reject(ApplicationFailure.nonRetryable('refused', 'GRD_STORE_REFUSED')) },
  ],
]

const watchInput: AlertWatchInput = {
  lag: { warningSeconds: 60, criticalSeconds: 300 },
  archiveLag: { warningSeconds: 600, criticalSeconds: 3_600 },
  burst: { warning: 100, critical: 1_000 },
}

const WATCHES: readonly (readonly [string, Partial<Activities>])[] = [
  ['alert-watch-every-source', {}],
  [
    'alert-watch-source-away',
    {
      watchSource: ({ source }) =>
        source === 'detector-lag'
          ? Promise.reject(ApplicationFailure.nonRetryable('away', 'GRD_STORE_REFUSED'))
          : Promise.resolve({ source, observations: [], from: null, to: null }),
      decideWatch: () => Promise.resolve({ sent: ['a1'], suppressed: 0 }),
    },
  ],
]

describe('recording histories of alerts', function () {
  this.timeout(120_000)
  const { temporal, withWorker, save } = useHistoryRecorder()

  const record = async (
    name: string,
    type: string,
    args: readonly unknown[],
    own: Activities,
    before?: string,
    taskQueue = 'alerts',
  ) => {
    const { client } = temporal()
    const start = (workflowId: string, of: string, input_: readonly unknown[]) =>
      client.workflow.start(of, { taskQueue, workflowId, args: [...input_] })
    await withWorker(taskQueue, own, async () => {
      if (before !== undefined)
        await start(WORKFLOWS.deliverAlert.workflowId(before), 'deliverAlert', [
          { alertId: before, channels: ['slack'] },
        ])
      const handle = await start(name, type, args)
      await handle.result().catch((error: unknown) => error)
      await save(name, handle.workflowId)
      for (const id of ['a0', 'a1', 'a2', 'a3'])
        await client.workflow
          .getHandle(WORKFLOWS.deliverAlert.workflowId(id))
          .result()
          .catch(() => undefined)
    })
  }

  for (const [name, more] of LOOKS)
    it(name, () => record(name, 'dlqAlert', [input], activities(more), name.endsWith('delivering') ? 'a3' : undefined))
  for (const [name, more] of WATCHES) it(name, () => record(name, 'alertWatch', [watchInput], activities(more)))
  it('alert-watch-named-sources', () => {
    const sources = ['data-gaps', 'schedules'] as const
    return record('alert-watch-named-sources', 'alertWatch', [{ ...watchInput, sources }], activities())
  })
  for (const isDryRun of [true, false]) {
    const name = `dlq-replay-${isDryRun ? 'dry-run' : 'sends-back'}`
    const args = [{ replayId: 'r1', filter: { code: 'DECODE' }, isDryRun, recordsPerSecond: 100, maxAttempts: 3 }]
    it(name, () => record(name, 'dlqReplay', args, activities(), undefined, 'ops'))
  }
  it('dlq-replay-settles', () => {
    const args = [
      { replayId: 'r1', filter: {}, isDryRun: false, recordsPerSecond: 100, maxAttempts: 3, outcomeWaitMs: 60_000 },
    ]
    const sentUpTo = [{ topic: 'km.clicks.v1', partition: 0, offset: 9 }]
    let asked = 0
    const settling = activities({
      replayDeadLetters: () => Promise.resolve({ ...replayed, sentUpTo }),
      settleReplay: () =>
        Promise.resolve(
          (asked += 1) === 1
            ? { recovered: 0, late: 0, dead_again: {}, undecided: 1 }
            : { recovered: 0, late: 0, dead_again: { DECODE: 1 }, undecided: 0 },
        ),
    })
    return record('dlq-replay-settles', 'dlqReplay', args, settling, undefined, 'ops')
  })
  for (const [name, more] of DELIVERIES)
    it(name, () => record(name, 'deliverAlert', [{ alertId: 'a9', channels: ['slack', 'email'] }], activities(more)))
})
