import { heartbeat } from '@temporalio/activity'
import {
  DeadLetterCount,
  observeDeadLetters,
  observeDeletedDeadLetters,
  type CountedLetter,
} from '../../domain/alerting/kinds/dead-letters.js'
import type { AlertSource, Observation, Thresholds } from '../../domain/alerting/observation.js'
import { asActivity } from '../activity-failure.js'

export interface CountedRange {
  readonly kafkaPartition: number
  readonly from: number | null
  readonly to: number
  readonly counted: number
}

export interface DecidedLook {
  /** Alerts that are to be delivered. */
  readonly sent: readonly string[]
  readonly suppressed: number
}

export interface DeadLetterDeps {
  /** What the log of dead letters holds now, by partition. */
  readonly deadLetterOffsets: () => Promise<
    readonly { readonly partition: number; readonly low: number; readonly high: number }[]
  >
  readonly readDeadLetters: (
    range: { readonly partition: number; readonly from: number; readonly to: number },
    onLetters: (letters: readonly CountedLetter[]) => void,
  ) => Promise<void>
  readonly readDeadLetterCursors: () => Promise<
    readonly { readonly kafkaPartition: number; readonly nextOffset: number }[]
  >
  /** Decides a look, moves the cursors and stores what is owed, all or nothing; once per look. */
  readonly recordDeadLetterLook: (look: {
    readonly lookId: string
    readonly at: Date
    readonly observations: readonly Observation[]
    readonly sources: readonly AlertSource[]
    readonly ranges: readonly CountedRange[]
  }) => Promise<DecidedLook>
}

export interface DeadLetterLook {
  readonly lookId: string
  /** ISO 8601, from the workflow. */
  readonly at: string
  readonly thresholds: Thresholds
  /** Records that one look reads at most; the next look goes on where it ended. */
  readonly maxRecords: number
}

export interface DeadLetterResult extends DecidedLook {
  readonly counted: number
  /** Dead letters that are left for the next look. */
  readonly left: number
  /** Dead letters that Kafka deleted before they were counted. */
  readonly missed: number
}

/** The activity that counts what came into the dead letters since the last look. May be repeated. */
export const createDeadLetterActivities = (deps: DeadLetterDeps) => ({
  /**
   * Counts by cause from the log's own offsets, and decides. Cursors move in the transaction that stores the decision:
   * every dead letter is counted once, whatever crashes.
   */
  lookAtDeadLetters: (look: DeadLetterLook): Promise<DeadLetterResult> => asActivity(() => takeLook(deps, look)),
})

export type DeadLetterActivities = ReturnType<typeof createDeadLetterActivities>

async function takeLook(deps: DeadLetterDeps, look: DeadLetterLook): Promise<DeadLetterResult> {
  const cursors = new Map((await deps.readDeadLetterCursors()).map((c) => [c.kafkaPartition, c.nextOffset]))
  const count = new DeadLetterCount()
  const ranges: CountedRange[] = []
  let [left, missed] = [0, 0]
  for (const { partition, low, high } of await deps.deadLetterOffsets()) {
    const cursor = cursors.get(partition)
    // A log that ends before its cursor is another one of the same name: it is counted from its beginning.
    const next = cursor !== undefined && cursor <= high ? cursor : low
    const from = Math.max(next, low)
    const to = Math.min(high, from + look.maxRecords - count.records)
    const before = count.records
    missed += from - next
    left += Math.max(0, high - to)
    if (to > from)
      await deps.readDeadLetters({ partition, from, to }, (letters) => {
        for (const letter of letters) count.add(letter)
        heartbeat({ partition, counted: count.records })
      })
    if (to !== cursor)
      ranges.push({ kafkaPartition: partition, from: cursor ?? null, to, counted: count.records - before })
  }
  const observations = [
    ...observeDeadLetters(count.growth(), look.thresholds, Date.parse(look.at)),
    ...observeDeletedDeadLetters(missed),
  ]
  const record = {
    lookId: look.lookId,
    at: new Date(look.at),
    observations,
    sources: ['dead-letters'] as const,
    ranges,
  }
  return { ...(await deps.recordDeadLetterLook(record)), counted: count.records, left, missed }
}
