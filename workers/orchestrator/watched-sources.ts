import { ScheduleNotFoundError, type ScheduleClient, type WorkflowClient } from '@temporalio/client'
import type { SourceToWatch, WatchDeps } from '../../activities/alerts/watch-activities.js'
import type { Database } from '../../db/pool.js'
import {
  readBursts,
  readCollisions,
  readDifferences,
  readFailedRuns,
  readGaps,
  readMisplaced,
  readPositions,
  readWaitingRecords,
} from '../../db/read-models/alert-watch.js'
import { observeBursts } from '../../domain/alerting/kinds/anomaly-burst.js'
import { observeCollisions } from '../../domain/alerting/kinds/event-collisions.js'
import { observeGaps } from '../../domain/alerting/kinds/data-gaps.js'
import {
  observeLag,
  type LagLimits,
  type WatchedPartition,
  type WatchedReader,
} from '../../domain/alerting/kinds/lag.js'
import { observeMisplaced } from '../../domain/alerting/kinds/misplaced-records.js'
import { observeCrashes } from '../../domain/alerting/kinds/process-crashes.js'
import { observeFailedRuns } from '../../domain/alerting/kinds/pipeline-runs.js'
import { observeQuarantine } from '../../domain/alerting/kinds/quarantine.js'
import { observeDifferences } from '../../domain/alerting/kinds/reconciliation.js'
import { observeSchedules, type WatchedSchedule } from '../../domain/alerting/kinds/schedules.js'
import { TOPICS } from '../../domain/events.js'
import { DAY_MS } from '../../domain/utc-day.js'
import { offsetsAt, topicOffsets, withAdmin } from '../../platform/kafka/admin.js'
import type { createKafka } from '../../platform/kafka/client.js'
import { readProcessStates } from '../../platform/process-states.js'
import { closeEndedRuns } from './close-ended-runs.js'
import type { DeclaredSchedule } from './schedules.js'

/** Where the sources are read. */
export interface SourceParts {
  readonly db: Database
  readonly kafka: ReturnType<typeof createKafka>
  readonly schedules: ScheduleClient
  readonly workflows: WorkflowClient
  readonly declared: readonly DeclaredSchedule[]
  /** Of Temporal's Web UI, with the namespace: where people look at runs and schedules. */
  readonly temporalUi: string
  /** Where a supervisor writes which processes have crashed. */
  readonly processStatesFile: string | undefined
}

/** How each source is asked: what reads it, and what says in words what was found. */
export function watchedSources(parts: SourceParts): WatchDeps['sources'] {
  const { db, schedules, workflows, declared, temporalUi, processStatesFile } = parts
  const runLink = (id: string) => ({ label: 'The run', to: `${temporalUi}/workflows/${encodeURIComponent(id)}` })
  const scheduleLink = (id: string) => ({
    label: 'The schedule',
    to: `${temporalUi}/schedules/${encodeURIComponent(id)}`,
  })
  return {
    'data-gaps': happenings(async ({ from, to }) => observeGaps(await readGaps(db, from, to))),
    'misplaced-records': happenings(async ({ from, to }) => observeMisplaced(await readMisplaced(db, from, to))),
    'pipeline-runs': happenings(async ({ from, to }) => {
      await closeEndedRuns(db, workflows, to)
      return observeFailedRuns(await readFailedRuns(db, from, to), runLink)
    }),
    reconciliation: happenings(async ({ from, to }) => observeDifferences(await readDifferences(db, from, to))),
    'anomaly-burst': happenings(async ({ from, to, limits }) =>
      observeBursts(await readBursts(db, from, to), (to.getTime() - from.getTime()) / 1_000, limits.burst),
    ),
    'event-collisions': happenings(async ({ from, to }) => observeCollisions(await readCollisions(db, from, to))),
    quarantine: state(async () => observeQuarantine(await readWaitingRecords(db))),
    'detector-lag': state(async ({ nowMs, limits: { lag } }) =>
      observeLag('detector', await readLag(parts, 'detector', lag, nowMs), lag),
    ),
    'archiver-lag': state(async ({ nowMs, limits: { lag, archiveLag = lag } }) =>
      observeLag('archiver', await readLag(parts, 'archiver', archiveLag, nowMs), archiveLag),
    ),
    'process-crashes': state(() => Promise.resolve().then(() => observeCrashes(readProcessStates(processStatesFile)))),
    schedules: state(async ({ from, nowMs }) => {
      const read = await Promise.all(declared.map((one) => readSchedule(schedules, one)))
      return observeSchedules(read, from.getTime() - OVERLAP_MS, nowMs, scheduleLink)
    }),
  }
}

/** A run may be seen so long after it began; what is seen twice is in one alert's window. */
const OVERLAP_MS = 60_000

const happenings = (observe: SourceToWatch['observe']): SourceToWatch => ({ kind: 'happenings', observe })
const state = (observe: SourceToWatch['observe']): SourceToWatch => ({ kind: 'state', observe })

/** A partition that no detector, or no archiver, has begun is behind from its first record on. */
async function readLag(
  { db, kafka }: SourceParts,
  reader: WatchedReader,
  limits: LagLimits,
  nowMs: number,
): Promise<WatchedPartition[]> {
  const positions = new Map(
    (await readPositions(db, reader)).map(({ topic, kafkaPartition, nextOffset }) => [
      `${topic}/${kafkaPartition}`,
      nextOffset,
    ]),
  )
  return withAdmin(kafka, async (admin) => {
    const partitions: WatchedPartition[] = []
    for (const topic of [TOPICS.clicks, TOPICS.purchases]) {
      const warning = await offsetsAt(admin, topic, nowMs - limits.warningSeconds * 1_000)
      const critical = await offsetsAt(admin, topic, nowMs - limits.criticalSeconds * 1_000)
      for (const { partition, low, high } of await topicOffsets(admin, topic))
        partitions.push({
          topic,
          kafkaPartition: partition,
          nextOffset: Math.max(low, positions.get(`${topic}/${partition}`) ?? low),
          endOffset: high,
          youngerThanWarning: warning.get(partition) ?? 0,
          youngerThanCritical: critical.get(partition) ?? 0,
        })
    }
    return partitions
  })
}

async function readSchedule(client: ScheduleClient, schedule: DeclaredSchedule): Promise<WatchedSchedule> {
  const { id, at, backfillCommand, eachRunCounts } = schedule
  const everyMs = 'everyMs' in at ? at.everyMs : DAY_MS
  try {
    const { state, info } = await client.getHandle(id).describe()
    const begun = info.recentActions.map(({ scheduledAt, takenAt }) => ({
      dueMs: scheduledAt.getTime(),
      begunMs: takenAt.getTime(),
    }))
    const createdMs = info.createdAt.getTime()
    const timeZone = 'everyMs' in at ? undefined : at.timeZone
    const known = { everyMs, createdMs, begun, backfillCommand, eachRunCounts, timeZone }
    return { id, isPaused: state.paused, exists: true, ...known }
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error
    return { id, isPaused: false, everyMs, createdMs: 0, exists: false, begun: [] }
  }
}
