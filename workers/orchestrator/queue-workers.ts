import { Worker, type NativeConnection } from '@temporalio/worker'
import { HEARTBEAT_MS } from '../../activities/activity-failure.js'
import { createKpiActivities, type KpiDeps } from '../../activities/kpi/kpi-activities.js'
import { createBackTestActivities, type BackTestDeps } from '../../activities/back-test/back-test-activities.js'
import { createCompactionActivities, type CompactionDeps } from '../../activities/compaction/compaction-activities.js'
import { createDeadLetterActivities, type DeadLetterDeps } from '../../activities/alerts/dead-letter-activities.js'
import { createLookActivities, type LookDeps } from '../../activities/alerts/look-activities.js'
import { createWatchActivities, type WatchDeps } from '../../activities/alerts/watch-activities.js'
import { createNotifyActivities, type NotifyDeps } from '../../activities/notify/notify-activities.js'
import { createFateActivities, type FateDeps } from '../../activities/dead-letters/fate-activities.js'
import { createReplayActivities, type ReplayDeps } from '../../activities/dead-letters/replay-activities.js'
import { createPartitionActivities, type PartitionDeps } from '../../activities/partitions/partition-activities.js'
import { createReconcileActivities, type ReconcileDeps } from '../../activities/reconcile/reconcile-activities.js'
import { createRunActivities, type RunDeps } from '../../activities/runs/run-activities.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Tracing } from '../../platform/tracing.js'
import { TASK_QUEUES, type TaskQueue } from '../../workflows/contract.js'
import { workflowCode } from './traced-workflows.js'

export interface QueueWorkersDeps
  extends
    PartitionDeps,
    RunDeps,
    KpiDeps,
    ReconcileDeps,
    BackTestDeps,
    CompactionDeps,
    DeadLetterDeps,
    LookDeps,
    NotifyDeps,
    WatchDeps,
    ReplayDeps,
    FateDeps {
  readonly connection: NativeConnection
  readonly namespace: string
  /** Workflows whose state is kept in memory, per queue; others are rebuilt from their history. */
  readonly maxCachedWorkflows: number
  /** How long activities may go on after a stop was asked for; below the deadline of the process. */
  readonly shutdownGraceMs: number
  /** Where spans go; undefined when nothing is traced. */
  readonly tracing: Tracing | undefined
  /** A worker has ended by itself: the process has to end too. */
  readonly onFatal: (cause: unknown) => void
}

interface Queue {
  readonly taskQueue: TaskQueue
  readonly activities: object
  readonly maxConcurrentActivities: number
}

/** The queues that have work. A queue gets its worker here once its first workflow exists. */
const queues = (deps: QueueWorkersDeps): readonly Queue[] => [
  {
    taskQueue: TASK_QUEUES.ops,
    activities: {
      ...createPartitionActivities(deps),
      ...createRunActivities(deps),
      ...createReplayActivities(deps),
      ...createFateActivities(deps),
    },
    maxConcurrentActivities: 10,
  },
  {
    taskQueue: TASK_QUEUES.batch,
    // One day is computed at a time, whatever waits; most of the others wait for the archive.
    activities: {
      ...createKpiActivities(deps),
      ...createReconcileActivities(deps),
      ...createBackTestActivities(deps),
      ...createCompactionActivities(deps),
      ...createRunActivities(deps),
    },
    maxConcurrentActivities: 20,
  },
  {
    taskQueue: TASK_QUEUES.alerts,
    activities: {
      ...createDeadLetterActivities(deps),
      ...createWatchActivities(deps),
      ...createLookActivities(deps),
      ...createNotifyActivities(deps),
    },
    maxConcurrentActivities: 20,
  },
]

/** Starts a worker for each queue. Stopping lets the activities under way end, for the time of grace. */
export async function startQueueWorkers(deps: QueueWorkersDeps): Promise<Part<readonly TaskQueue[]>> {
  const created: { worker: Worker; ended: Promise<void> }[] = []
  const code = await workflowCode(deps.tracing)
  let stopping = false
  for (const { taskQueue, activities, maxConcurrentActivities } of queues(deps)) {
    const worker = await Worker.create({
      connection: deps.connection,
      namespace: deps.namespace,
      taskQueue,
      ...code,
      activities,
      maxConcurrentActivityTaskExecutions: maxConcurrentActivities,
      maxCachedWorkflows: deps.maxCachedWorkflows,
      shutdownGraceTime: deps.shutdownGraceMs,
      maxHeartbeatThrottleInterval: HEARTBEAT_MS,
      defaultHeartbeatThrottleInterval: HEARTBEAT_MS,
    })
    const ended = worker.run()
    ended.then(
      () => stopping || deps.onFatal(new Error(`the worker of ${taskQueue} has ended by itself`)),
      (error: unknown) => stopping || deps.onFatal(error),
    )
    created.push({ worker, ended })
  }
  const stop = async () => {
    stopping = true
    for (const { worker } of created) if (worker.getState() === 'RUNNING') worker.shutdown()
    await Promise.all(created.map(({ ended }) => ended))
  }
  return { value: created.map(({ worker }) => worker.options.taskQueue as TaskQueue), stop }
}
