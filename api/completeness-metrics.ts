import { MINUTE_MS } from '../domain/detection/minute-counts.js'
import { Gauge, type Registry } from '../platform/metrics.js'
import type { Completeness } from '../schemas/rest/completeness.js'

const PARTITION = ['topic', 'partition'] as const
const FIGURES = [
  'produced',
  'accepted',
  'duplicate',
  'late',
  'dead',
  'in_flight',
  'missing',
  'in_data_gaps',
  'reported',
  'reported_missing',
] as const
const OF_A_MINUTE = ['reported', 'accepted', 'duplicate', 'late', 'dead', 'uncounted'] as const

type Labels = Record<string, string | number>
type Fill = (set: (labels: Labels, value: number) => void, completeness: Completeness) => void

const partitionOf = ({ topic, kafka_partition: partition }: { topic: string; kafka_partition: number }) => ({
  topic,
  partition,
})

/**
 * Completeness as metrics, read when they are asked for. A figure that is not known has no series.
 * @param minutes how many of the latest minutes of each partition have series of their own; named by how far they are
 * behind the latest one, so that there are never more series than that
 */
export function observeCompleteness(registry: Registry, minutes: number, read: () => Promise<Completeness>): void {
  const gauge = (name: string, help: string, more: readonly string[], fill: Fill) =>
    new Gauge({
      registers: [registry],
      name: `guardian_completeness_${name}`,
      help,
      labelNames: [...PARTITION, ...more],
      async collect() {
        this.reset()
        const completeness = await read().catch(() => undefined)
        if (completeness) fill((labels, value) => this.set(labels, value), completeness)
      },
    })
  gauge('records', 'Records produced, by what became of them, and those that are missing', ['what'], ofPartitions)
  gauge(
    'minute_records',
    'Records of the latest minutes of event time, by what became of them; uncounted are in flight, or missing',
    ['minutes_behind', 'what'],
    ofMinutes(minutes),
  )
  gauge('latest_minute_seconds', 'Start of the latest minute of event time: minutes_behind 0', [], ofLatestMinutes)
  gauge(
    'incomplete_minutes',
    'Minutes of which records were reported that are not counted: in flight, or missing',
    [],
    (set, { partitions }) => {
      for (const partition of partitions)
        if (partition.incomplete_minutes !== null) set(partitionOf(partition), partition.incomplete_minutes)
    },
  )
  gauge('oldest_incomplete_minute_seconds', 'Start of the first such minute', [], (set, { partitions }) => {
    for (const partition of partitions)
      if (partition.oldest_incomplete_minute !== null)
        set(partitionOf(partition), Date.parse(partition.oldest_incomplete_minute) / 1_000)
  })
}

const ofPartitions: Fill = (set, { partitions }) => {
  for (const partition of partitions)
    for (const what of FIGURES) {
      const value = partition[what]
      if (value !== null) set({ ...partitionOf(partition), what }, value)
    }
}

type Minute = Completeness['minutes'][number]

/** The start of the latest minute of each partition; its key is that of `nameOf`. */
function latestMinutes(minutes: readonly Minute[]): ReadonlyMap<string, number> {
  const latest = new Map<string, number>()
  for (const minute of minutes) {
    const startMs = Date.parse(minute.minute)
    if (startMs > (latest.get(nameOf(minute)) ?? -Infinity)) latest.set(nameOf(minute), startMs)
  }
  return latest
}

const nameOf = ({ topic, kafka_partition }: Minute): string => `${topic}/${kafka_partition}`

const ofLatestMinutes: Fill = (set, { minutes }) => {
  const latest = latestMinutes(minutes)
  for (const minute of minutes) set(partitionOf(minute), (latest.get(nameOf(minute)) ?? 0) / 1_000)
}

const ofMinutes =
  (count: number): Fill =>
  (set, { minutes }) => {
    const latest = latestMinutes(minutes)
    for (const minute of minutes) {
      const behind = ((latest.get(nameOf(minute)) ?? 0) - Date.parse(minute.minute)) / MINUTE_MS
      if (behind >= count) continue
      for (const what of OF_A_MINUTE) {
        const value = minute[what]
        if (value !== null) set({ ...partitionOf(minute), minutes_behind: behind, what }, value)
      }
    }
  }
