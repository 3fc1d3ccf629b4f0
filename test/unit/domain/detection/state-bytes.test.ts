import assert from 'node:assert/strict'
import { PartitionDetector } from '../../../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../../../domain/detection/rule-kinds.js'
import { takePiece } from '../../../../domain/detection/snapshot/piece.js'
import { restoreDetector } from '../../../../domain/detection/snapshot/restore.js'
import { takeHead } from '../../../../domain/detection/snapshot/head.js'
import { asInForce, oracleRule } from './random-log.js'

const START_MS = Date.UTC(2026, 9, 1)
const POLICY = { allowedLatenessMs: 30_000, maxFutureSkewMs: 300_000 }
const RULE = asInForce(oracleRule('burst', 'active', 1, { windowMs: 10_000, slideMs: 10_000, minEvents: 50 }))

interface Shape {
  readonly session?: string
  readonly id?: string
  readonly item?: string
}

/** What a flood of events can make large, and at least how many bytes of it are content. */
const FLOODS: readonly { what: string; events: number; bytes: number; shape: (i: number) => Shape }[] = [
  { what: 'event ids that are texts', events: 500, bytes: 400_000, shape: (i) => ({ id: `${i}`.padEnd(500, 'x') }) },
  { what: 'long items', events: 500, bytes: 2_000_000, shape: (i) => ({ item: `${i}`.padEnd(2_000, 'x') }) },
  { what: 'the items of one session', events: 5_000, bytes: 200_000, shape: (i) => ({ item: `item-${i}` }) },
  { what: 'open windows', events: 5_000, bytes: 100_000, shape: (i) => ({ session: `bot-${i % 100}` }) },
]

const uuid = (n: number): string => `01990000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

/** Gives so many events at one time, and one ten minutes later. @returns the bytes in between, after a restart, and at the end */
function course(events: number, shape: (i: number) => Shape): { most: number; restored: number; left: number } {
  const detector = new PartitionDetector(POLICY, [RULE])
  const give = (n: number, eventMs: number, { session = 'one', id = uuid(n), item }: Shape): void => {
    const times = { event_ts: eventMs, ingest_ts: eventMs }
    const event = { event_id: id, ...times, session_id: session, user_id: null, item_id: item ?? null }
    assert.equal(detector.process(event, n, eventMs), 'accepted')
  }
  for (let i = 1; i <= events; i++) give(i, START_MS, shape(i))
  const most = detector.stateBytes
  const [head, piece] = [takeHead(detector), takePiece(detector, true).bytes]
  const restored = restoreDetector(head, [piece], POLICY, RULE_KINDS).stateBytes
  give(events + 1, START_MS + 600_000, {})
  takePiece(detector, true)
  return { most, restored, left: detector.stateBytes }
}

describe('What the state takes in memory', () => {
  for (const { what, events, bytes, shape } of FLOODS)
    it(`has ${what} in it while they live, also after a restart, and not afterwards`, () => {
      const plain = course(events, () => ({}))
      const flood = course(events, shape)
      assert.ok(flood.most - plain.most >= bytes, `${flood.most} bytes, without them ${plain.most}`)
      assert.ok(flood.restored - plain.restored >= bytes, `${flood.restored} bytes, without them ${plain.restored}`)
      const [gone, goneAnyway] = [flood.most - flood.left, plain.most - plain.left]
      assert.ok(gone - goneAnyway >= bytes, `${gone} bytes go with them, ${goneAnyway} without`)
    })
})
