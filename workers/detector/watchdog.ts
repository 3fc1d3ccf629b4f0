import { GuardianError } from '../../domain/errors.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { PartitionOffsets } from '../../platform/kafka/admin.js'
import type { Part } from '../../platform/lifecycle.js'
import type { Logger } from '../../platform/logger.js'
import { DeadlineError, withDeadline } from '../../platform/resilience/deadline.js'
import { Progress, type Look, type Stall } from './progress.js'
import type { Steps } from './steps.js'

export interface WatchdogDeps {
  /** Without progress for so long although there is work, a partition is stuck. */
  readonly limitMs: number
  /** What this process has to read. */
  readonly assigned: () => readonly PartitionName[]
  /** The stored checkpoints, by `topic/partition`, over a connection of its own. */
  readonly positions: () => Promise<ReadonlyMap<string, number>>
  /** What Kafka has, over a connection of its own. */
  readonly offsets: (topic: string) => Promise<readonly PartitionOffsets[]>
  /** A server that a partition may be waiting for and that is away, other than those two; undefined when none is. */
  readonly awayServer: () => Promise<string | undefined>
  /** Has a partition read from where its checkpoint is, if nothing has ever come from it. */
  readonly wake: (partition: Look) => void
  readonly steps: Steps
  readonly observer: WatchdogObserver
  readonly log: Logger
  /** The process has to end: what holds a partition is in it. */
  readonly onStuck: (cause: GuardianError) => void
}

export interface WatchdogObserver {
  /** How long partitions have been without progress; those that are not named make some, or have nothing to do. */
  stalled(stalls: readonly Stall[]): void
  /** It could not be told, because a server is away. */
  progressUnknown(server: string): void
}

const LOOKS_PER_LIMIT = 10
const LONGEST_PAUSE_MS = 5_000
/** A look that comes so much too late: the process was frozen, or busy with one thing such as restoring a large state. */
const LATE_MS = 1_000
/** After a server was away, so much passes until everything has noticed: pauses between attempts grow to 5 s. */
const RECOVERY_MS = 15_000

/**
 * Ends the process when one of its partitions has records to read and no checkpoint for too long: a wait that nothing ends
 * any more, wherever it is. It asks those who know: PostgreSQL for the checkpoints, Kafka for the records. While one of the
 * servers is away the partitions wait for it, which a restart would not shorten, so that time does not count.
 */
export function startWatchdog(deps: WatchdogDeps): Promise<Part<undefined>> {
  const watchdog = new Watchdog(deps)
  watchdog.start()
  const stop = (): Promise<void> => {
    watchdog.stop()
    return Promise.resolve()
  }
  return Promise.resolve({ value: undefined, stop })
}

class Watchdog {
  readonly #deps: WatchdogDeps
  readonly #pauseMs: number
  readonly #progress = new Progress()
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(deps: WatchdogDeps) {
    this.#deps = deps
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, deps.limitMs / LOOKS_PER_LIMIT)
  }

  start(): void {
    const dueAt = performance.now() + this.#pauseMs
    this.#timer = setTimeout(() => {
      if (performance.now() - dueAt > LATE_MS) this.#progress.forgive(performance.now() + RECOVERY_MS)
      void this.#look().finally(() => {
        if (!this.#stopped) this.start()
      })
    }, this.#pauseMs)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { limitMs, observer } = this.#deps
    const looks = await answerOf(() => this.#looks(), limitMs)
    if (typeof looks === 'string') {
      this.#forgive(looks)
      return
    }
    const stalls = this.#progress.look(looks, performance.now())
    observer.stalled(stalls)
    for (const stall of stalls) this.#deps.wake(stall)
    const isStuck = ({ stalledMs }: Stall) => stalledMs >= limitMs
    const stuck = stalls.filter(isStuck)
    if (stuck.length === 0 || this.#stopped) return
    const away = await answerOf(() => this.#deps.awayServer(), limitMs)
    if (away !== undefined) {
      this.#forgive(away, stuck)
      return
    }
    // Asking took a moment, in which a slow one may have made it.
    const again = await answerOf(() => this.#looks(), limitMs)
    if (typeof again === 'string') {
      this.#forgive(again, stuck)
      return
    }
    const confirmed = this.#progress.look(again, performance.now())
    if (confirmed.some(isStuck)) this.#end(confirmed.filter(isStuck), confirmed)
  }

  /** @returns the name of the server that did not answer, in place of what was found */
  async #looks(): Promise<Look[] | string> {
    const { assigned, offsets, positions, log } = this.#deps
    const names = assigned()
    if (names.length === 0) return []
    let server = 'PostgreSQL'
    try {
      const stored = await positions()
      server = 'Kafka'
      const looks: Look[] = []
      for (const topic of new Set(names.map((name) => name.topic))) {
        const ends = new Map((await offsets(topic)).map((found) => [found.partition, found]))
        for (const { partition } of names.filter((name) => name.topic === topic)) {
          const { low = 0, high = 0 } = ends.get(partition) ?? {}
          const nextOffset = stored.get(`${topic}/${partition}`)
          const resumeAt = Math.max(nextOffset ?? 0, low)
          looks.push({ topic, partition, nextOffset, resumeAt, lagRecords: Math.max(0, high - resumeAt) })
        }
      }
      return looks
    } catch (err) {
      log.debug({ err, server }, 'progress_unknown')
      return server
    }
  }

  #forgive(server: string, waiting: readonly Stall[] = []): void {
    const { log, observer, steps } = this.#deps
    this.#progress.forgive(performance.now() + RECOVERY_MS)
    observer.progressUnknown(server)
    for (const stall of waiting) log.warn({ ...told(stall, steps), server }, 'partition_degraded')
  }

  /** @param stalls also those that wait because others are stuck, or the other way round */
  #end(stuck: readonly Stall[], stalls: readonly Stall[]): void {
    const { log, limitMs, onStuck, steps } = this.#deps
    for (const stall of stalls) log.error(told(stall, steps), 'partition_stuck')
    const places = stuck.map(
      ({ topic, partition, nextOffset }) => `${topic}/${partition} at ${nextOffset ?? 'its beginning'}`,
    )
    onStuck(
      new GuardianError('GRD_STALLED', `no checkpoint for ${limitMs} ms with records to read: ${places.join(', ')}`),
    )
  }
}

/** All that is known of a partition that stands still. */
const told = ({ topic, partition, nextOffset, lagRecords, stalledMs }: Stall, steps: Steps) => ({
  partition: `${topic}/${partition}`,
  nextOffset,
  lagRecords,
  stalledMs: Math.round(stalledMs),
  steps: steps.describe(`${topic}/${partition}`),
})

/** A server that does not answer in time is away, whatever became of the question. */
async function answerOf<T>(question: () => Promise<T>, deadlineMs: number): Promise<T | string> {
  try {
    return await withDeadline(question, deadlineMs)
  } catch (error) {
    if (error instanceof DeadlineError) return 'a server that does not answer'
    throw error
  }
}
