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

/** State as release 0.1.0 left it in PostgreSQL, and what that release decided next. Never edited: databases hold such state. */
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

const stored = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'fixtures', 'detection-state-1.json'), 'utf8'),
) as Stored
const head = unseal(Buffer.from(stored.head, 'base64'))
const pieces = stored.pieces.map((text) => unseal(Buffer.from(text, 'base64')))

const restore = (headText = head.toString(), from: readonly Buffer[] = pieces): PartitionDetector =>
  restoreDetector(headText, from, stored.policy, RULE_KINDS)
const refused = (error: unknown): boolean => error instanceof GuardianError && error.code === 'GRD_SNAPSHOT_REFUSED'

describe('detection state that an earlier release stored', () => {
  it('is restored, and goes on as that release would have', () => {
    const detector = restore()
    assert.equal(detector.watermarkMs, stored.watermarkMs)
    assert.deepEqual(detector.counts, stored.counts)
    const rows: Anomaly[] = []
    const fates = stored.next.map(({ event, offset, appendMs }) => {
      const fate = detector.process(event, offset, appendMs)
      rows.push(...detector.takeChanges())
      return fate
    })
    assert.deepEqual(fates, stored.fates)
    assert.deepEqual(JSON.parse(JSON.stringify(rows)), stored.rows)
  })

  it('of a newer release is refused, with the number of its format: head, piece and envelope', () => {
    const newerHead = JSON.stringify({ ...(JSON.parse(head.toString()) as object), format: 99 })
    assert.throws(() => restore(newerHead), refused)
    assert.throws(
      () => restore(newerHead),
      (error: Error) => /format 99/.test(String(error.cause)),
    )
    const newerPieces = pieces.map((piece, i) =>
      i === 1 ? Buffer.concat([Buffer.from([99]), piece.subarray(1)]) : piece,
    )
    assert.throws(() => restore(undefined, newerPieces), refused)
    assert.throws(
      () => restore(undefined, newerPieces),
      (error: Error) => /format 99/.test(String(error.cause)),
    )
    const envelope = Buffer.from(stored.head, 'base64')
    envelope[0] = 99
    assert.throws(() => unseal(envelope), refused)
  })
})
