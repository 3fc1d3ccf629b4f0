import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../../../domain/detection/rule-kinds.js'
import { takeHead } from '../../../../../domain/detection/snapshot/head.js'
import { restorePiece, takePiece } from '../../../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../../../domain/detection/snapshot/restore.js'
import { GuardianError } from '../../../../../domain/errors.js'
import { asInForce, oracleRule } from '../random-log.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const RULE = oracleRule('r', 'active', 1, { windowMs: 60_000, slideMs: 10_000, minEvents: 2, maxDistinctItems: 9 })

/** A detector with panes, spilled items, ids of both forms and open windows; `more` events are one second apart. */
function busyDetector(events: number): { detector: PartitionDetector; feed: (from: number, to: number) => void } {
  const detector = new PartitionDetector(POLICY, [asInForce(RULE)])
  const feed = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      const eventMs = NOON + i * 1_000
      const event = {
        event_id: i % 3 === 0 ? `text ${i}` : `00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
        event_ts: eventMs,
        ingest_ts: eventMs,
        session_id: `s-${i % 2}`,
        user_id: i % 5 === 0 ? `u-${i}` : null,
        item_id: `i-${i % 13}`,
      }
      detector.process(event, i, eventMs)
    }
  }
  feed(0, events)
  return { detector, feed }
}

/** What a detector that was given a piece gives again. */
const takePieceOf = (bytes: Uint8Array): Uint8Array => {
  const detector = empty()
  restorePiece(detector, bytes)
  return takePiece(detector, true).bytes.slice()
}

const refused = (error: unknown): boolean =>
  error instanceof GuardianError && error.code === 'GRD_SNAPSHOT_REFUSED' && error.cause !== undefined

const empty = (): PartitionDetector => new PartitionDetector(POLICY, [asInForce(RULE)])

describe('restorePiece', () => {
  it('refuses a piece that is cut off at any byte', () => {
    const { bytes } = takePiece(busyDetector(40).detector, true)
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => restorePiece(empty(), bytes.subarray(0, length)), refused, `${length} bytes`)
  })

  it('reads a piece that lies anywhere in a larger buffer, as a database driver gives it', () => {
    const { bytes } = takePiece(busyDetector(40).detector, true)
    const expected = takePieceOf(bytes)
    for (const before of [0, 1, 3, 8]) {
      const buffer = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(5)])
      assert.deepEqual(takePieceOf(buffer.subarray(before, before + bytes.length)), expected, `after ${before} bytes`)
    }
  })

  it('refuses bytes after the end', () => {
    const { bytes } = takePiece(busyDetector(40).detector, true)
    assert.throws(() => restorePiece(empty(), Uint8Array.from([...bytes, 0])), refused)
  })

  it('refuses every format but its own', () => {
    const bytes = takePiece(busyDetector(5).detector, true).bytes.slice()
    for (let format = 0; format < 256; format++) {
      if (format === 3) continue
      bytes[0] = format
      assert.throws(() => restorePiece(empty(), bytes), refused, `format ${format}`)
    }
  })

  it('never fails in another way, whatever byte is wrong', function () {
    this.timeout(20_000)
    const { bytes } = takePiece(busyDetector(12).detector, true)
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [0x01, 0x80, 0xff]) {
        const spoilt = bytes.slice()
        spoilt[at] = (spoilt[at] ?? 0) ^ flip
        try {
          restorePiece(empty(), spoilt)
        } catch (error) {
          assert.ok(refused(error), `byte ${at}: ${String(error)}`)
        }
      }
  })
})

describe('takePiece', () => {
  it('holds only what changed since the piece before it', () => {
    const { detector, feed } = busyDetector(50)
    const full = takePiece(detector, true).bytes.length
    assert.ok(takePiece(detector, false).bytes.length < 40, 'nothing has changed')
    feed(50, 52)
    const delta = takePiece(detector, false).bytes.length
    assert.ok(delta > 40 && delta < full / 2, `${delta} of ${full} bytes`)
  })

  it('does not hold what the watermark has passed', () => {
    const { detector, feed } = busyDetector(40)
    feed(4_000, 4_001)
    const fresh = empty()
    restorePiece(fresh, takePiece(detector, true).bytes)
    assert.equal(fresh.panes.paneCount, 1)
    assert.equal(fresh.ids.size, 1)
  })

  it('says when nothing in it is needed any more', () => {
    const { detector } = busyDetector(25)
    // The last pane is that of seconds 20 to 29: the last of the windows of 60 s that hold it ends at 80 s.
    assert.equal(takePiece(detector, false).expiresAtMs, NOON + 80_000)
    assert.equal(takePiece(detector, false).expiresAtMs, detector.watermarkMs)
  })

  it('says so for event ids alone: one is needed while its event time is not before the watermark', () => {
    const text = { event_id: 'text', event_ts: NOON, ingest_ts: NOON, session_id: 's', user_id: null, item_id: null }
    for (const event of [text, { ...text, event_id: '00000000-0000-4000-8000-000000000000' }]) {
      const detector = new PartitionDetector(POLICY, [])
      detector.process(event, 0, NOON)
      assert.equal(takePiece(detector, false).expiresAtMs, NOON + 1)
    }
  })

  it('carries texts as they are, a leading byte order mark with them', () => {
    const detector = empty()
    const event = { event_id: '\uFEFFid', event_ts: NOON, ingest_ts: NOON, user_id: '\uFEFF', item_id: '\uFEFFitem' }
    detector.process({ ...event, session_id: '\uFEFFs' }, 0, NOON)
    const again = restoreDetector(takeHead(detector), [takePiece(detector, true).bytes], POLICY, RULE_KINDS)
    assert.equal(again.process({ ...event, session_id: '\uFEFFs' }, 1, NOON), 'duplicate')
    again.process({ ...event, event_id: 'other', session_id: '\uFEFFs' }, 2, NOON)
    const [row] = again.takeChanges()
    assert.deepEqual([row?.eventCount, row?.distinctItems, row?.evidence.first_event_id], [2, 1, '\uFEFFid'])
  })
})
