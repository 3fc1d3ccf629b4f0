import { ScheduleNotFoundError, type ScheduleClient } from '@temporalio/client'
import type { WatchDeps } from '../../activities/alerts/watch-activities.js'
import type { Database } from '../../db/pool.js'
import {
  readBursts,
  readDifferences,
  readFailedRuns,
  readGaps,
  readPositions,
} from '../../db/read-models/alert-watch.js'
import { recordLook } from '../../db/stores/alert-looks.js'
import { moveWatches, readWatch } from '../../db/stores/alert-watches.js'
import type { AlertPolicy } from '../../domain/alerting/decide-alert.js'
import type { Channel } from '../../domain/alerting/channel.js'
import type { LagLimits, WatchedPartition, WatchedReader, WatchedSchedule } from '../../domain/alerting/watched.js'
import { TOPICS } from '../../domain/events.js'
import { DAY_MS } from '../../domain/utc-day.js'
import { offsetsAt, topicOffsets, withAdmin } from '../../platform/kafka/admin.js'
import type { createKafka } from '../../platform/kafka/client.js'
import type { DeclaredSchedule } from './schedules.js'

export interface WatchParts {
  readonly db: Database
  readonly kafka: ReturnType<typeof createKafka>
  readonly schedules: ScheduleClient
  readonly declared: readonly DeclaredSchedule[]
  readonly policy: AlertPolicy
  /** For how long what was decided is kept. */
  readonly keptMs: number
  /** Channels that a message goes to. */
  readonly channels: readonly Channel[]
  /** Of Temporal's Web UI, with the namespace: where people look at runs and schedules. */
  readonly temporalUi: string
}

/** What the watch asks. */
export const watchDeps = (parts: WatchParts): WatchDeps => {
  const { db, policy, keptMs, channels, temporalUi } = parts
  return {
    readWatch: (source) => readWatch(db, source),
    readGaps: (from, to) => readGaps(db, from, to),
    readFailedRuns: (from, to) => readFailedRuns(db, from, to),
    readDifferences: (from, to) => readDifferences(db, from, to),
    readBursts: (from, to) => readBursts(db, from, to),
    readLag: (reader, limits, nowMs) => readLag(parts, reader, limits, nowMs),
    readSchedules: () => Promise.all(parts.declared.map((one) => readSchedule(parts.schedules, one))),
    recordWatchLook: ({ spans, ...look }) =>
      recordLook(db, { ...look, policy, keptMs, channels, alongside: (tx) => moveWatches(tx, spans) }),
    runLink: (id) => ({ label: 'The run', to: `${temporalUi}/workflows/${encodeURIComponent(id)}` }),
    scheduleLink: (id) => ({ label: 'The schedule', to: `${temporalUi}/schedules/${encodeURIComponent(id)}` }),
  }
}

/** A partition that no detector, or no archiver, has begun is behind from its first record on. */
async function readLag(
  { db, kafka }: WatchParts,
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
    const [last, earlier] = info.recentActions.slice(-2).reverse()
    const lastDueMs = Math.max(info.createdAt.getTime(), last?.scheduledAt.getTime() ?? 0)
    const lastTwo =
      last && earlier ? { earlierDueMs: earlier.scheduledAt.getTime(), begunMs: last.takenAt.getTime() } : undefined
    return { id, isPaused: state.paused, everyMs, lastDueMs, exists: true, lastTwo, backfillCommand, eachRunCounts }
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error
    return { id, isPaused: false, everyMs, lastDueMs: 0, exists: false }
  }
}
