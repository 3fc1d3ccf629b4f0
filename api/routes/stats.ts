import { DAY_MS } from '../../domain/utc-day.js'
import type { Stats as StatsRows } from '../../db/read-models/stats.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { Stats } from '../../schemas/rest/stats.js'
import type { CompletenessRows } from '../../db/read-models/completeness.js'
import type { Registry } from '../../platform/metrics.js'
import { completenessOf } from '../completeness.js'
import { observeCompleteness } from '../completeness-metrics.js'
import { cachedFor } from '../cached-for.js'
import { lagKey, type PartitionLag, type ReadLag } from '../partition-lag.js'
import type { Handlers } from './router.js'

export interface StatsDeps {
  readonly readStats: (from: Date, to: Date) => Promise<StatsRows>
  readonly readLag: ReadLag
  readonly readCompleteness: () => Promise<CompletenessRows>
  /** How many of the latest minutes of each partition are told, here and in the metrics. */
  readonly completenessMinutes: number
  readonly registry: Registry
  readonly nowMs: () => number
}

const KEPT_MS = 1_000

/** `GET /stats`. Callers within a second share one answer, so that many screens cost as much as one. Scrapers share it, too. */
export function createStatsHandlers(deps: StatsDeps): Pick<Handlers<Operations>, 'getStats'> {
  const { readStats, readLag, readCompleteness, nowMs } = deps
  const read = cachedFor(KEPT_MS, async () => {
    const to = new Date(nowMs())
    const from = new Date(to.getTime() - DAY_MS)
    const [rows, counts] = await Promise.all([readStats(from, to), readCompleteness()])
    const lags = await readLag(rows.partitions)
    return { ...statsOf(rows, lags, from, to), completeness: completenessOf(counts, lags) }
  })
  observeCompleteness(deps.registry, deps.completenessMinutes, async () => (await read()).completeness)
  return {
    async getStats() {
      const body = await read()
      return { body, version: contentOf(body) }
    },
  }
}

/** What the numbers say, without when they were read: while nothing happens, they stay the same. */
const contentOf = ({ totals, partitions, completeness, misplaced, anomalies: { groups } }: Stats): unknown => ({
  totals: { ...totals, lag_seconds: null },
  partitions: partitions.map((partition) => ({ ...partition, lag_seconds: null, seconds_to_clear: null })),
  completeness,
  misplaced,
  groups,
})

/** A pace that was measured longer ago says nothing about what is left. */
const PACE_KEPT_MS = 60_000

function secondsToClear(partition: StatsRows['partitions'][number], records: number, to: Date): number | null {
  if (records === 0) return 0
  const pace = partition.recordsPerSecond
  const isRecent = to.getTime() - partition.updatedTs.getTime() <= PACE_KEPT_MS
  return pace !== null && pace > 0 && isRecent ? records / pace : null
}

const lagOf = (partition: StatsRows['partitions'][number], lag: PartitionLag | undefined, to: Date) => ({
  lag_records: lag?.records ?? null,
  lag_seconds: lag?.seconds ?? null,
  seconds_to_clear: lag ? secondsToClear(partition, lag.records, to) : null,
})

function statsOf(
  { partitions, anomalies, dataGaps, misplaced }: StatsRows,
  lags: ReadonlyMap<string, PartitionLag> | undefined,
  from: Date,
  to: Date,
): Omit<Stats, 'completeness'> {
  const sum = (name: 'accepted' | 'duplicate' | 'late' | 'dead') => partitions.reduce((total, p) => total + p[name], 0)
  return {
    generated_ts: to.toISOString(),
    totals: {
      accepted: sum('accepted'),
      duplicate: sum('duplicate'),
      late: sum('late'),
      dead: sum('dead'),
      data_gaps: dataGaps,
      lag_records: lags ? [...lags.values()].reduce((total, { records }) => total + records, 0) : null,
      lag_seconds: lags ? [...lags.values()].reduce((most, { seconds }) => Math.max(most, seconds), 0) : null,
    },
    partitions: partitions.map((p) => ({
      ...lagOf(p, lags?.get(lagKey(p)), to),
      topic: p.topic,
      kafka_partition: p.kafkaPartition,
      accepted: p.accepted,
      duplicate: p.duplicate,
      late: p.late,
      dead: p.dead,
      next_offset: p.nextOffset,
      watermark: p.watermark?.toISOString() ?? null,
      updated_ts: p.updatedTs.toISOString(),
    })),
    misplaced: misplaced.map(({ lastTs, ...one }) => ({ ...one, last_ts: lastTs.toISOString() })),
    anomalies: {
      from: from.toISOString(),
      to: to.toISOString(),
      total: anomalies.reduce((total, group) => total + group.anomalies, 0),
      groups: anomalies.map((group) => ({
        rule_id: group.ruleId,
        mode: group.mode,
        status: group.status,
        anomalies: group.anomalies,
        sessions: group.sessions,
      })),
    },
  }
}
