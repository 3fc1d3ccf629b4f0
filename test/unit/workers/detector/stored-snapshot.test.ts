import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Anomaly } from '../../../../domain/detection/anomaly.js'
import type { ObservedEvent } from '../../../../domain/detection/fate.js'
import type { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { restoreDetector } from '../../../../domain/detection/snapshot/restore.js'
import { GuardianError } from '../../../../domain/errors.js'
import { packageRoot } from '../../../../platform/package-root.js'
import { unseal } from '../../../../workers/detector/seal.js'

/** State as a release left it in PostgreSQL, and what that release decided next. Never edited: databases hold such state. */
interface Stored {
  readonly policy: { readonly allowedLatenessMs: number; readonly maxFutureSkewMs: number }
  readonly head: string
  readonly pieces: readonly string[]
  readonly watermarkMs: number
  readonly counts: Readonly<Record<string, number>>
  readonly next: readonly { readonly event: ObservedEvent; readonly offset: number; readonly appendMs: number }[]
  readonly fates: readonly string[]
  readonly rows: readonly Anomaly[]
}

const read = (name: string): Stored =>
  JSON.parse(readFileSync(join(packageRoot, 'test', 'fixtures', name), 'utf8')) as Stored
const headOf = ({ head }: Stored): Buffer => unseal(Buffer.from(head, 'base64'))
const piecesOf = ({ pieces }: Stored): Buffer[] => pieces.map((text) => unseal(Buffer.from(text, 'base64')))
const restore = (stored: Stored, head = headOf(stored).toString(), pieces = piecesOf(stored)): PartitionDetector =>
  restoreDetector(head, pieces, stored.policy, RULE_KINDS)
/**
 * Those releases knew events by their ids alone. What they decided of an id that another session had used after the state was
 * taken is left out: a duplicate changed nothing, and now it is another event.
 */
function withoutRepeatsAcrossSessions({ next, fates }: Stored) {
  const sessions = new Map<string, string>()
  return next
    .map((record, i) => ({ ...record, fate: fates[i] }))
    .filter(({ event, fate }) => {
      const first = sessions.get(event.event_id)
      if (fate === 'accepted') sessions.set(event.event_id, event.session_id)
      return fate !== 'duplicate' || first === undefined || first === event.session_id
    })
}

const refused = (error: unknown): boolean => error instanceof GuardianError && error.code === 'GRD_SNAPSHOT_REFUSED'

describe('detection state that an earlier release stored', () => {
  // The first format was that of release 0.1.0; the second one is not compressed.
  for (const name of ['detection-state-1.json', 'detection-state-2.json'])
    it(`is restored, and goes on as that release would have: ${name}`, () => {
      const stored = read(name)
      const detector = restore(stored)
      assert.equal(detector.watermarkMs, stored.watermarkMs)
      assert.deepEqual(detector.counts, stored.counts)
      const rows: Anomaly[] = []
      const next = withoutRepeatsAcrossSessions(stored)
      const fates = next.map(({ event, offset, appendMs }) => {
        const fate = detector.process(event, offset, appendMs)
        rows.push(...detector.takeChanges())
        return fate
      })
      assert.deepEqual(
        fates,
        next.map(({ fate }) => fate),
      )
      assert.deepEqual(JSON.parse(JSON.stringify(rows)), stored.rows)
    })

  for (const name of ['detection-state-1.json', 'detection-state-2.json'])
    it(`never fails in another way than by being refused, whatever byte of a piece is wrong: ${name}`, () => {
      const stored = read(name)
      const pieces = piecesOf(stored)
      for (let at = 0; at < 500; at++) {
        const spoilt = pieces.map((piece) => Buffer.from(piece))
        const piece = spoilt[at % spoilt.length] ?? Buffer.alloc(0)
        const where = (at * 7_919) % piece.length
        piece[where] = (piece[where] ?? 0) ^ ([0x01, 0x80, 0xff][at % 3] ?? 1)
        try {
          restore(stored, undefined, spoilt)
        } catch (error) {
          assert.ok(refused(error), `byte ${where}: ${String(error)}`)
        }
      }
    }).timeout(20_000)

  it('of a newer release is refused, with the number of its format: head, piece and envelope', () => {
    const stored = read('detection-state-2.json')
    const newerHead = JSON.stringify({ ...(JSON.parse(headOf(stored).toString()) as object), format: 99 })
    assert.throws(() => restore(stored, newerHead), refused)
    assert.throws(
      () => restore(stored, newerHead),
      (error: Error) => /format 99/.test(String(error.cause)),
    )
    const newerPieces = piecesOf(stored).map((piece, i) =>
      i === 1 ? Buffer.concat([Buffer.from([99]), piece.subarray(1)]) : piece,
    )
    assert.throws(() => restore(stored, undefined, newerPieces), refused)
    assert.throws(
      () => restore(stored, undefined, newerPieces),
      (error: Error) => /format 99/.test(String(error.cause)),
    )
    const envelope = Buffer.from(stored.head, 'base64')
    envelope[0] = 99
    assert.throws(() => unseal(envelope), refused)
  })
})
