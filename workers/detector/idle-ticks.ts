import { TICK_HEADERS, tickValue } from '../../domain/detection/tick.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { PartitionOffsets } from '../../platform/kafka/admin.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import type { PartitionOwner } from './partition-owner.js'

/** A partition, as far as its idleness is concerned. */
export type IdleOwner = Pick<
  PartitionOwner,
  'topic' | 'partition' | 'nextOffset' | 'isLost' | 'lastAcceptedAtMs' | 'eventHighMs'
> & { readonly detector: Pick<PartitionOwner['detector'], 'nextEndMs' | 'allowedLatenessMs'> }

export interface IdleTicksDeps {
  /** How often partitions are looked at; 0: never. */
  readonly everyMs: number
  readonly owners: () => readonly IdleOwner[]
  /** Assigned partitions of which nothing has come yet. */
  readonly unowned: () => readonly PartitionName[]
  /** Takes one of them. */
  readonly adopt: (name: PartitionName) => Promise<void>
  /** The stored checkpoints, by `topic/partition`. */
  readonly positions: () => Promise<ReadonlyMap<string, number>>
  /** What Kafka has now. */
  readonly offsets: (topic: string) => Promise<readonly PartitionOffsets[]>
  readonly send: (records: readonly OutgoingRecord[]) => Promise<void>
  readonly onTick: (owner: IdleOwner) => void
  readonly log: Logger
  /** A clock that never goes back, in ms. @default `performance.now` */
  readonly nowMs?: () => number
}

/** Writes ticks to idle partitions on a timer. */
export function startIdleTicks(deps: IdleTicksDeps): Promise<Part<undefined>> {
  let underWay: Promise<void> | undefined
  const look = (): void => {
    underWay ??= lookForIdle(deps)
      .catch((err: unknown) => deps.log.warn({ err }, 'idle_partitions_not_seen'))
      .finally(() => (underWay = undefined))
  }
  const timer = deps.everyMs > 0 ? setInterval(look, deps.everyMs).unref() : undefined
  const stop = async (): Promise<void> => {
    clearInterval(timer)
    await underWay
  }
  return Promise.resolve({ value: undefined, stop })
}

/**
 * Writes a tick to each partition whose open windows an event of now would close, and that has none. Its time is the
 * partition's event time and as much as has passed since its last event, so that it does to the log what an event of its
 * producers would have done: windows of an old log close, too, and one that is being read at its own pace is not made late.
 * A partition that is behind has records to read, and is not idle. A tick that comes twice, or from a process that has lost
 * the partition, is no later than what the partition has come to since: it changes nothing.
 */
export async function lookForIdle(deps: IdleTicksDeps): Promise<void> {
  const nowMs = deps.nowMs ?? (() => performance.now())
  await adoptIdle(deps)
  // The time is taken before Kafka is asked: if this process is frozen in between, the tick is of the time before.
  const due = deps.owners().flatMap((owner) => {
    const atMs = tickOf(owner, nowMs())
    return atMs === undefined ? [] : [{ owner, atMs, lastAcceptedAtMs: owner.lastAcceptedAtMs }]
  })
  for (const topic of new Set(due.map(({ owner }) => owner.topic))) {
    const ends = endsOf(await deps.offsets(topic))
    const ticks = due.filter(
      ({ owner, lastAcceptedAtMs }) =>
        owner.topic === topic &&
        !owner.isLost &&
        owner.nextOffset === ends.get(owner.partition) &&
        owner.lastAcceptedAtMs === lastAcceptedAtMs,
    )
    if (ticks.length === 0) continue
    await deps.send(ticks.map(tickRecord))
    for (const { owner } of ticks) deps.onTick(owner)
  }
}

const tickRecord = ({ owner, atMs }: { readonly owner: IdleOwner; readonly atMs: number }): OutgoingRecord => ({
  topic: owner.topic,
  partition: owner.partition,
  key: null,
  value: Buffer.from(tickValue(atMs)),
  headers: TICK_HEADERS,
})

/** The time that a tick would have; undefined while it would close nothing. */
function tickOf({ detector, lastAcceptedAtMs, eventHighMs }: IdleOwner, nowMs: number): number | undefined {
  const atMs = eventHighMs + Math.max(0, nowMs - lastAcceptedAtMs)
  return atMs - detector.allowedLatenessMs >= detector.nextEndMs ? atMs : undefined
}

/** After a restart, nothing comes from an idle partition, and nobody would know of its open windows. */
async function adoptIdle({ unowned, adopt, positions, offsets }: IdleTicksDeps): Promise<void> {
  const names = unowned()
  if (names.length === 0) return
  const stored = await positions()
  for (const topic of new Set(names.map((name) => name.topic))) {
    const ends = endsOf(await offsets(topic))
    for (const name of names) {
      const next = stored.get(`${name.topic}/${name.partition}`) ?? 0
      if (name.topic === topic && next > 0 && next === ends.get(name.partition)) await adopt(name)
    }
  }
}

const endsOf = (offsets: readonly PartitionOffsets[]): ReadonlyMap<number, number> =>
  new Map(offsets.map(({ partition, high }) => [partition, high]))
