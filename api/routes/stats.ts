import type { Stats as StatsRows } from '../../db/read-models/stats.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { Stats } from '../../schemas/rest/stats.js'
import { cachedFor } from '../cached-for.js'
import type { Handlers } from './router.js'

export interface StatsDeps {
  readonly readStats: (from: Date, to: Date) => Promise<StatsRows>
  readonly nowMs: () => number
}

const DAY_MS = 86_400_000
const KEPT_MS = 1_000

/** `GET /stats`. Callers within a second share one answer, so that many screens cost as much as one. */
export function createStatsHandlers({ readStats, nowMs }: StatsDeps): Pick<Handlers<Operations>, 'getStats'> {
  const read = cachedFor(KEPT_MS, nowMs, async () => {
    const to = new Date(nowMs())
    const from = new Date(to.getTime() - DAY_MS)
    return statsOf(await readStats(from, to), from, to)
  })
  return { getStats: async () => ({ body: await read() }) }
}

function statsOf({ partitions, anomalies, dataGaps }: StatsRows, from: Date, to: Date): Stats {
  const sum = (name: 'accepted' | 'duplicate' | 'late' | 'dead') => partitions.reduce((total, p) => total + p[name], 0)
  return {
    generated_ts: to.toISOString(),
    totals: {
      accepted: sum('accepted'),
      duplicate: sum('duplicate'),
      late: sum('late'),
      dead: sum('dead'),
      data_gaps: dataGaps,
    },
    partitions: partitions.map((p) => ({
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
