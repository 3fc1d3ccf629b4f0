import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { CancelledFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import {
  createReplayActivities,
  type ReplayableLetter,
  type ReplayDeps,
  type ReplayReport,
  type ReplayRequest,
} from '../../../activities/dead-letters/replay-activities.js'

const CHUNKS = 4
const CHUNK = 25
const PER_SECOND = 500

const lettersFrom = (from: number): ReplayableLetter[] =>
  Array.from({ length: CHUNK }, (_, i) => ({
    ...{ partition: 0, offset: from + i, appendMs: 0, code: 'DECODE', topic: 't', attempts: 0 },
    ...{ fault: undefined, hasOrigin: true, record: undefined },
  }))

/** @param sentMs when each letter was sent, in ms since the beginning: filled while it replays */
function replaying(sentMs: number[]) {
  const startedAt = performance.now()
  const deps: ReplayDeps = {
    deadLetterRanges: () => Promise.resolve([{ partition: 0, from: 0, to: CHUNKS * CHUNK }]),
    readLetters: async ({ from, to }, onLetters) => {
      for (let at = from; at < to; at += CHUNK) await onLetters(lettersFrom(at))
    },
    replayedAmong: () => Promise.resolve(new Set()),
    sendBack: (_id, letters) => {
      sentMs.push(...letters.map(() => performance.now() - startedAt))
      return Promise.resolve()
    },
    storeResults: () => Promise.resolve(),
    originEnds: () => Promise.resolve([]),
    replaySummary: () => Promise.resolve([{ outcome: 'replayed', fault: null, letters: sentMs.length }]),
  }
  return createReplayActivities(deps).replayDeadLetters
}

/** Replays 100 letters. @returns when each of them was sent, in ms since the beginning */
async function replayed(isDryRun: boolean): Promise<number[]> {
  const sentMs: number[] = []
  const replayDeadLetters = replaying(sentMs)
  const request = { replayId: 'r', filter: {}, isDryRun, recordsPerSecond: PER_SECOND, maxAttempts: 3 }
  const report = await new MockActivityEnvironment().run<[ReplayRequest], ReplayReport, typeof replayDeadLetters>(
    replayDeadLetters,
    request,
  )
  assert.equal(report.outcomes.replayed, CHUNKS * CHUNK)
  return sentMs
}

describe('the rate of a replay of dead letters', () => {
  it('is not exceeded from one chunk to the next, however fast they are read', async () => {
    const sentMs = await replayed(false)
    assert.equal(sentMs.length, CHUNKS * CHUNK)
    for (let chunk = 1; chunk < CHUNKS; chunk++) {
      const dueMs = (chunk * CHUNK * 1_000) / PER_SECOND
      const atMs = sentMs[chunk * CHUNK] ?? 0
      // A timer may come a moment early.
      assert.ok(atMs >= dueMs - 2, `letter ${chunk * CHUNK} was sent after ${atMs} ms, and is due after ${dueMs}`)
    }
  })

  it('holds for what is sent: a dry run sends nothing', async () => {
    assert.deepEqual(await replayed(true), [])
  })
})

describe('a replay that is cancelled', () => {
  it('sends nothing more, and does not wait for its rate', async () => {
    const sentMs: number[] = []
    const replayDeadLetters = replaying(sentMs)
    const environment = new MockActivityEnvironment()
    const slow = { replayId: 'r', filter: {}, isDryRun: false, recordsPerSecond: 50, maxAttempts: 3 }
    const run = environment.run<[ReplayRequest], ReplayReport, typeof replayDeadLetters>(replayDeadLetters, slow)
    setTimeout(() => environment.cancel('TIMED_OUT'), 100)
    await assert.rejects(run, CancelledFailure)
    assert.equal(sentMs.length, CHUNK)
    await sleep(700) // the next chunk was due after half a second
    assert.equal(sentMs.length, CHUNK)
  })
})

describe('the next attempt at a replay', () => {
  it('resumes from the last heartbeat, and counts what was done before it', async () => {
    const first = new MockActivityEnvironment()
    let details: unknown
    first.on('heartbeat', (one: unknown) => (details = one))
    const request = { replayId: 'r', filter: {}, isDryRun: true, recordsPerSecond: 1, maxAttempts: 3 }
    const sentMs: number[] = []
    const replay = replaying(sentMs)
    await first.run<[ReplayRequest], ReplayReport, typeof replay>(replay, request)
    const half = { ...(details as object), next: { 0: 2 * CHUNK }, outcomes: { replayed: 2 * CHUNK } }
    const second = new MockActivityEnvironment({ heartbeatDetails: half })
    const sends = { ...request, isDryRun: false, recordsPerSecond: 10_000 }
    await second.run<[ReplayRequest], ReplayReport, typeof replay>(replay, sends)
    assert.equal(sentMs.length, 2 * CHUNK)
    const dryAgain = new MockActivityEnvironment({ heartbeatDetails: half })
    const report = await dryAgain.run<[ReplayRequest], ReplayReport, typeof replay>(replay, request)
    assert.deepEqual([report.selected, report.outcomes.replayed], [CHUNKS * CHUNK, CHUNKS * CHUNK])
    assert.equal(sentMs.length, 2 * CHUNK)
  })
})
