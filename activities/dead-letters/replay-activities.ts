import { setTimeout as sleep } from 'node:timers/promises'
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity'
import {
  checkFilter,
  isSelected,
  replayOutcome,
  type DeadLetter,
  type DeadLetterFilter,
  type ReplayOutcome,
} from '../../domain/dead-letters/replay.js'
import { asActivity } from '../activity-failure.js'

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

/** What an attempt has done, as its last heartbeat says: the next attempt resumes from it. */
export interface ReplayProgress {
  /** The offset after the last letter that was dealt with, by partition. */
  readonly next: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<ReplayOutcome, number>>
  readonly faults: Readonly<Record<string, number>>
  /** For people who wait. */
  readonly summary: string
}

/**
 * The activity that sends dead letters back. May be repeated: it resumes from the last heartbeat, and what was sent back is
 * not sent again. Once it is cancelled, or its heartbeat has timed out and another attempt has begun, it sends nothing more.
 */
export const createReplayActivities = (deps: ReplayDeps) => ({
  replayDeadLetters: (request: ReplayRequest): Promise<ReplayReport> => {
    const found = new Tally(progressOf(activityInfo().heartbeatDetails))
    return asActivity(
      () => replay(deps, request, found),
      () => found.progress(),
    )
  },
})

/** Heartbeats of earlier releases were a text. */
const progressOf = (details: unknown): ReplayProgress | undefined =>
  typeof details === 'object' && details !== null && 'next' in details ? (details as ReplayProgress) : undefined

export type ReplayActivities = ReturnType<typeof createReplayActivities>

async function replay(deps: ReplayDeps, request: ReplayRequest, found: Tally): Promise<ReplayReport> {
  checkFilter(request.filter)
  const startedAt = performance.now()
  const signal = cancellationSignal()
  let sent = 0 // by this attempt
  for (const whole of await deps.deadLetterRanges(request.filter)) {
    const range = { ...whole, from: Math.max(whole.from, found.next.get(String(whole.partition)) ?? 0) }
    if (range.from >= range.to) continue
    await deps.readLetters(range, async (letters) => {
      const wanted = letters.filter((letter) => isSelected(request.filter, letter))
      const results = await dealWith(deps, request, wanted, signal)
      for (const { outcome, fault } of results) found.add(outcome, fault, 1)
      const last = letters.at(-1)
      if (last !== undefined) found.next.set(String(last.partition), last.offset + 1)
      sent += results.filter(({ outcome }) => outcome === 'replayed').length
      heartbeat(found.progress())
      signal.throwIfAborted()
      const dueMs = request.isDryRun ? 0 : (sent / request.recordsPerSecond) * 1_000
      await sleep(Math.max(0, startedAt + dueMs - performance.now()), undefined, { signal })
    })
  }
  if (request.isDryRun) return found.report()
  // An attempt that was repeated has found its own work done: what the replay did is in the table.
  const done = new Tally()
  for (const { outcome, fault, letters } of await deps.replaySummary(request.replayId))
    done.add(outcome, fault, letters)
  return { ...done.report(), sentUpTo: await deps.originEnds() }
}

class Tally {
  readonly outcomes = { replayed: 0, already_replayed: 0, unfit: 0, parked: 0, no_origin: 0 }
  readonly next: Map<string, number>
  readonly #faults: Map<string, number>

  constructor(earlier?: ReplayProgress) {
    Object.assign(this.outcomes, earlier?.outcomes)
    this.next = new Map(Object.entries(earlier?.next ?? {}))
    this.#faults = new Map(Object.entries(earlier?.faults ?? {}))
  }

  add(outcome: ReplayOutcome, fault: string | null, letters: number): void {
    this.outcomes[outcome] += letters
    if (fault !== null) this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + letters)
  }

  progress(): ReplayProgress {
    const { selected, outcomes, faults } = this.report()
    const summary = `${selected} dead letters read, ${outcomes.replayed} of them accepted`
    return { next: Object.fromEntries(this.next), outcomes, faults, summary }
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
