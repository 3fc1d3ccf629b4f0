import { setTimeout as sleep } from 'node:timers/promises'
import { Context, heartbeat } from '@temporalio/activity'
import {
  checkFilter,
  isSelected,
  replayOutcome,
  type DeadLetter,
  type DeadLetterFilter,
  type ReplayOutcome,
} from '../../domain/dead-letters/replay.js'
import { asActivity } from '../activity-failure.js'
import { untilCancelled } from '../until-cancelled.js'

/** A dead letter that can be sent back; its content never leaves the activity. */
export interface ReplayableLetter extends DeadLetter {
  /** Why it would be a dead letter again, as the detector would decide now. */
  readonly fault: string | undefined
  readonly hasOrigin: boolean
  /** Sends it to where it came from, with the replay's id and the number of the attempt. */
  readonly record: unknown
}

export interface ReplayResult {
  readonly letter: DeadLetter
  readonly outcome: ReplayOutcome
  readonly fault: string | null
}

export interface ReplayDeps {
  readonly deadLetterRanges: (
    filter: DeadLetterFilter,
  ) => Promise<readonly { readonly partition: number; readonly from: number; readonly to: number }[]>
  /** Hands the letters of a range on, some at a time, and waits until they are dealt with. */
  readonly readLetters: (
    range: { readonly partition: number; readonly from: number; readonly to: number },
    onLetters: (letters: readonly ReplayableLetter[]) => Promise<void>,
  ) => Promise<void>
  /** Which of these have been sent back before, as `partition@offset`. */
  readonly replayedAmong: (letters: readonly DeadLetter[]) => Promise<ReadonlySet<string>>
  readonly sendBack: (replayId: string, letters: readonly ReplayableLetter[]) => Promise<void>
  /** What a replay has done so far. */
  readonly replaySummary: (
    replayId: string,
  ) => Promise<readonly { readonly outcome: ReplayOutcome; readonly fault: string | null; readonly letters: number }[]>
  /** Where the logs of the topics of events end now. */
  readonly originEnds: () => Promise<readonly LogEnd[]>
  /** Repeating it changes nothing. */
  readonly storeResults: (replayId: string, results: readonly ReplayResult[]) => Promise<void>
}

/** Where the log of a partition ended when a replay had sent all. */
export interface LogEnd {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface ReplayRequest {
  readonly replayId: string
  readonly filter: DeadLetterFilter
  /** Counts what would be done, and does nothing. */
  readonly isDryRun: boolean
  readonly recordsPerSecond: number
  /** A letter that was replayed so often is parked. */
  readonly maxAttempts: number
}

export interface ReplayReport {
  readonly selected: number
  readonly outcomes: Readonly<Record<ReplayOutcome, number>>
  /** Why letters are unfit, by code. */
  readonly faults: Readonly<Record<string, number>>
  /** What was sent back lies before these; empty in a dry run. */
  readonly sentUpTo?: readonly LogEnd[]
}

/**
 * The activity that sends dead letters back. May be repeated: what was sent back is not sent again. Once it is cancelled,
 * or its heartbeat has timed out and another attempt has begun, it sends nothing more.
 */
export const createReplayActivities = (deps: ReplayDeps) => ({
  replayDeadLetters: (request: ReplayRequest): Promise<ReplayReport> =>
    asActivity(() => untilCancelled(replay(deps, request))),
})

export type ReplayActivities = ReturnType<typeof createReplayActivities>

async function replay(deps: ReplayDeps, request: ReplayRequest): Promise<ReplayReport> {
  checkFilter(request.filter)
  const found = new Tally()
  const startedAt = performance.now()
  const signal = Context.current().cancellationSignal
  for (const range of await deps.deadLetterRanges(request.filter))
    await deps.readLetters(range, async (letters) => {
      const wanted = letters.filter((letter) => isSelected(request.filter, letter))
      for (const { outcome, fault } of await dealWith(deps, request, wanted, signal)) found.add(outcome, fault, 1)
      const dueMs = request.isDryRun ? 0 : (found.outcomes.replayed / request.recordsPerSecond) * 1_000
      await pause(startedAt + dueMs - performance.now(), found.describe(), signal)
    })
  if (request.isDryRun) return found.report()
  // An attempt that was repeated has found its own work done: what the replay did is in the table.
  const done = new Tally()
  for (const { outcome, fault, letters } of await deps.replaySummary(request.replayId))
    done.add(outcome, fault, letters)
  return { ...done.report(), sentUpTo: await deps.originEnds() }
}

class Tally {
  readonly outcomes = { replayed: 0, already_replayed: 0, unfit: 0, parked: 0, no_origin: 0 }
  readonly #faults = new Map<string, number>()

  add(outcome: ReplayOutcome, fault: string | null, letters: number): void {
    this.outcomes[outcome] += letters
    if (fault !== null) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + letters)
  }

  /** For people who wait for it. */
  describe(): string {
    const { selected, outcomes } = this.report()
    return `${selected} dead letters looked at, ${outcomes.replayed} of them fit`
  }

  report(): ReplayReport {
    const selected = Object.values(this.outcomes).reduce((a, b) => a + b, 0)
    return { selected, outcomes: { ...this.outcomes }, faults: Object.fromEntries(this.#faults) }
  }
}

async function dealWith(
  deps: ReplayDeps,
  { replayId, isDryRun, maxAttempts }: ReplayRequest,
  letters: readonly ReplayableLetter[],
  signal: AbortSignal,
): Promise<ReplayResult[]> {
  if (letters.length === 0) return []
  const replayed = await deps.replayedAmong(letters)
  const results = letters.map((letter) => {
    const isReplayed = replayed.has(`${letter.partition}@${letter.offset}`)
    const { hasOrigin, fault } = letter
    const outcome = replayOutcome(letter, { isReplayed, hasOrigin, fault, maxAttempts })
    return { letter, outcome, fault: outcome === 'unfit' ? (fault ?? null) : null }
  })
  if (isDryRun) return results
  // Cancelled, or overtaken by the next attempt: what is sent from here on would be sent beside it.
  signal.throwIfAborted()
  // A crash between the two sends them once more: their event ids tell the detector that they are repeats.
  await deps.sendBack(
    replayId,
    results.flatMap(({ letter, outcome }) => (outcome === 'replayed' ? [letter] : [])),
  )
  await deps.storeResults(replayId, results)
  return results
}

const HEARTBEAT_MS = 5_000

/** Says how far it is before the pause, and as long as it lasts. @throws when the activity is cancelled */
async function pause(ms: number, said: string, signal: AbortSignal): Promise<void> {
  heartbeat(said)
  signal.throwIfAborted()
  for (let left = ms; left > 0; left -= HEARTBEAT_MS) {
    await sleep(Math.min(left, HEARTBEAT_MS), undefined, { signal })
    heartbeat(said)
  }
}
