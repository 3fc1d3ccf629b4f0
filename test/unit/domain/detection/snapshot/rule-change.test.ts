import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../../../domain/detection/rule-kinds.js'
import { takeHead } from '../../../../../domain/detection/snapshot/head.js'
import { type Piece, takePiece } from '../../../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../../../domain/detection/snapshot/restore.js'
import { asInForce, oracleRule } from '../random-log.js'

const NOON = Date.UTC(2026, 9, 1, 12)
const POLICY = { allowedLatenessMs: 0, maxFutureSkewMs: 300_000 }
const ruleOf = (windowMs: number, minEvents: number) =>
  asInForce(oracleRule('r', 'active', windowMs, { windowMs, slideMs: windowMs, minEvents }))
const SHORT = ruleOf(10_000, 99)
const LONG = ruleOf(60_000, 2)

/** A detector whose rules change, and one that is restored from the pieces that have not expired. */
class Story {
  readonly detector = new PartitionDetector(POLICY, [SHORT])
  #pieces: Piece[] = []
  #offset = 0

  event(afterSeconds: number, sessionId = 's', ...others: readonly PartitionDetector[]): this {
    return this.eventAt(afterSeconds, afterSeconds, sessionId, others)
  }

  eventAt(
    afterSeconds: number,
    appendedAfterSeconds: number,
    sessionId: string,
    others: readonly PartitionDetector[] = [],
  ): this {
    const eventMs = NOON + afterSeconds * 1_000
    const offset = this.#offset++
    const event = { event_id: `e-${offset}`, event_ts: eventMs, ingest_ts: eventMs, user_id: null, item_id: null }
    for (const each of [this.detector, ...others])
      each.process({ ...event, session_id: sessionId }, offset, NOON + appendedAfterSeconds * 1_000)
    return this
  }

  /** Takes what changed, as a checkpoint does. */
  save(): this {
    const { bytes, expiresAtMs } = takePiece(this.detector, false)
    this.#pieces.push({ bytes: bytes.slice(), expiresAtMs })
    return this
  }

  restored(): PartitionDetector {
    this.save()
    const needed = this.#pieces.filter(({ expiresAtMs }) => expiresAtMs > this.detector.watermarkMs)
    return restoreDetector(
      takeHead(this.detector),
      needed.map(({ bytes }) => bytes),
      POLICY,
      RULE_KINDS,
    )
  }
}

describe('restoreDetector after a change of rules', () => {
  it('still has a pane that the new rules need, and that was stored under shorter ones', () => {
    const story = new Story().event(5).save()
    story.detector.useRules([LONG])
    story.save().event(25, 'other')
    const again = story.restored()
    story.event(30, 's', again)
    const rows = story.detector.takeChanges()
    assert.deepEqual(
      rows.map(({ eventCount, ruleVersion }) => [eventCount, ruleVersion]),
      [[2, 60_000]],
    )
    assert.deepEqual(again.takeChanges(), rows)
  })

  it('does not bring back a pane that shorter rules had forgotten', () => {
    const story = new Story().event(5).eventAt(28, 9, 'fast clock').save().event(25, 'other')
    story.detector.useRules([LONG])
    // A piece holds the forgotten pane together with one that is needed, when it was taken before the first was forgotten.
    const again = story.restored()
    assert.equal(again.keptFromPane, story.detector.keptFromPane)
    story.event(30, 's', again)
    assert.deepEqual(story.detector.takeChanges(), [])
    assert.deepEqual(again.takeChanges(), [])
  })

  it('forgets as the detector does when the last window of a longer rule has closed', () => {
    const story = new Story()
    story.detector.useRules([LONG])
    story.event(1).event(2)
    story.detector.useRules([SHORT])
    story.event(61, 'other').event(75, 's').event(95, 'other')
    const again = story.restored()
    for (const each of [story.detector, again]) each.useRules([LONG])
    assert.equal(again.longestPanes, story.detector.longestPanes)
    assert.equal(again.panes.paneCount, story.detector.panes.paneCount)
    story.event(96, 's', again)
    assert.deepEqual(
      again.takeChanges(),
      story.detector.takeChanges().filter(({ asOfOffset }) => asOfOffset === 5),
    )
  })
})
