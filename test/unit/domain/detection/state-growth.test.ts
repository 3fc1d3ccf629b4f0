import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { takePiece } from '../../../../domain/detection/snapshot/piece.js'
import { asInForce, oracleRule } from './random-log.js'

const START_MS = Date.UTC(2026, 9, 1)
const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const EVENTS = 500_000
const EVENTS_PER_SECOND = 100
const RULES = [
  oracleRule('burst', 'active', 1, { windowMs: 10_000, slideMs: 10_000, minEvents: 9 }),
  oracleRule('bot', 'active', 1, { windowMs: 60_000, slideMs: 10_000, minEvents: 12, maxDistinctItems: 3 }),
]
/** Panes of the longest window and of the lateness, and one that is begun. */
const LIVE_SECONDS = 60 + 30 + 10

/** A log that never says a session, user, item or id twice for long: nothing of it may stay. */
function eventAt(i: number) {
  const eventMs = START_MS + Math.floor((i * 1_000) / EVENTS_PER_SECOND) - (i % 7) * 1_000
  const session = Math.floor(i / 200) * 10 + (i % 10)
  return {
    event_id: i % 50 === 0 ? `text-${i}` : `01990000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`,
    event_ts: eventMs,
    ingest_ts: eventMs,
    session_id: `s-${session}`,
    user_id: i % 3 === 0 ? `u-${session}` : null,
    item_id: session % 2 === 0 ? 'i-0' : `i-${i}`,
  }
}

describe('The state of a detector', () => {
  for (const takesPieces of [true, false])
    it(`stays as large as what is live, ${takesPieces ? 'with checkpoints' : 'without'}`, function () {
      this.timeout(60_000)
      const detector = new PartitionDetector(POLICY, RULES.map(asInForce))
      const most = { panes: 0, keys: 0, ids: 0, strings: 0, open: 0, bytes: 0 }
      let changes = 0
      for (let i = 0; i < EVENTS; i++) {
        const event = eventAt(i)
        detector.process(event, i, event.ingest_ts + 7_000)
        changes += detector.takeChanges().length
        if (i % 1_000 !== 0) continue
        if (takesPieces) {
          detector.takeUpdates()
          takePiece(detector, i % 10_000 === 0)
        }
        most.panes = Math.max(most.panes, detector.panes.paneCount)
        most.keys = Math.max(most.keys, detector.panes.keyCount)
        most.ids = Math.max(most.ids, detector.ids.size)
        most.strings = Math.max(most.strings, detector.panes.strings.size)
        most.open = Math.max(most.open, detector.openWindows.size)
        most.bytes = Math.max(most.bytes, detector.stateBytes)
      }
      assert.ok(changes > 10_000, `${changes} anomalies`)
      assert.equal(detector.counts.accepted, EVENTS)
      const liveEvents = LIVE_SECONDS * EVENTS_PER_SECOND
      const liveSessions = liveEvents / 20
      assert.ok(most.keys <= liveSessions * 1.2, `${most.keys} keys`)
      assert.ok(most.panes <= liveSessions * 3, `${most.panes} panes`)
      assert.ok(most.strings <= liveEvents * 1.5, `${most.strings} strings`)
      assert.ok(most.open <= liveSessions * 8, `${most.open} open windows`)
      assert.ok(most.ids <= 4 * 40 * EVENTS_PER_SECOND, `${most.ids} ids`)
      assert.ok(most.bytes < 3_000_000, `${most.bytes} bytes`)
    })
})
