import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { OutgoingRecord } from '../../../platform/kafka/producer.js'
import type { LogMaker } from '../made-log.js'
import { withMadeLog } from '../made-log.js'
import type { Row } from '../row.js'
import { differencesOf, rowKey, VerifiedLog } from '../verified-log.js'

const FULL = { seconds: 120, latenessMs: 10_000 }
const QUICK = { seconds: 14, latenessMs: 2_000 }
const RATE = 1_500
const PARTITIONS = 4
/** Of all records, those of one producer whose clock is never right. */
const BAD_SHARE = 0.05
/** Of all sessions, those whose clock is always wrong by the same time, and which are otherwise like the others. */
const SKEWED_SHARE = 0.1
const EVENTS_OF_SESSION = 60

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000]
const FUTURE_MS = [
  SECOND,
  30 * SECOND,
  MINUTE,
  5 * MINUTE - SECOND,
  5 * MINUTE + SECOND,
  HOUR,
  DAY,
  365 * DAY,
  3_650 * DAY,
] as const
const OFFSETS_MS: readonly [number, ...number[]] = [-3_650 * DAY, -365 * DAY, -DAY, -HOUR, -MINUTE, ...FUTURE_MS]
const SKEWS_MS: readonly [number, ...number[]] = [-20 * SECOND, -SECOND, SECOND, 30 * SECOND, 4 * MINUTE]
const RIGHT = /^(right|closer)-/

export const row: Row = {
  id: 'A13',
  fault: `clocks that are ten years slow to ten years fast: one producer with ${BAD_SHARE * 100} % of the records, and skewed sessions`,
  invariant: "the windows of all other sessions are those of a run without them; every record's fate is the oracle's",
  quick: true,
  run: async ({ quick, seed, say }) => {
    const { seconds, latenessMs } = quick ? QUICK : FULL
    return withMadeLog(
      async (stage, maker) => {
        const detector = stage.startDetector()
        const random = new SeededRandom(seed)
        const sessions = new Sessions(maker, random, latenessMs)
        await maker.sendPaced(RATE, seconds, () => [
          random.chance(BAD_SHARE) ? sessions.badClick() : sessions.nextClick(),
        ])
        await maker.send(closers(maker, random))
        const log = await VerifiedLog.of(stage, { latenessMs })
        await log.passes(log.records, [detector])
        await detector.stop()
        const without = await log.oracleWithout(({ key }) => !RIGHT.test(Buffer.from(key ?? '', 'base64').toString()))
        const others = rowsOfOthers(log.oracle)
        const closed = others.filter(({ status }) => status !== 'open').length
        const sums = { late: 0, dead: 0, accepted: 0 }
        for (const fates of log.oracle.fates)
          for (const fate of ['late', 'dead', 'accepted'] as const) sums[fate] += fates[fate]
        const differences = [
          ...(await log.differences()),
          ...(await log.sideDifferences()),
          ...differencesOf('row of another session', others, rowsOfOthers(without), rowKey),
        ]
        const lateWithout = without.late.length
        if (lateWithout > 0) differences.push(`${lateWithout} records of clocks that are right are late`)
        if (closed === 0) differences.push('no window of the others was closed: the watermark decided nothing')
        if (sums.late === 0 || sums.dead === 0) differences.push('nothing was late, or nothing was from the future')
        say(`${sums.accepted} accepted, ${sums.late} late, ${sums.dead} from too far ahead`)
        return {
          held: differences.length === 0,
          figure: `${others.length} windows of other sessions (${closed} closed) equal those without; ${sums.late} routed to late, ${sums.dead} to the dead letters; ${differences.length} differences`,
          configuration: {
            records: log.records,
            badShare: BAD_SHARE,
            skewedSessions: SKEWED_SHARE,
            latenessMs,
            clocks: OFFSETS_MS.length,
          },
          differences,
        }
      },
      {
        ALLOWED_LATENESS_MS: String(latenessMs),
      },
    )
  },
}

/** Sessions that go on beside each other, each until it has all its clicks; some with a skewed clock. */
class Sessions {
  readonly #maker: LogMaker
  readonly #random: SeededRandom
  readonly #disorderMs: number
  readonly #open: { id: string; skewMs: number; left: number }[] = []
  #count = 0

  constructor(maker: LogMaker, random: SeededRandom, latenessMs: number) {
    this.#maker = maker
    this.#random = random
    this.#disorderMs = latenessMs / 4
  }

  /** A click of any session that is under way, a little out of order. */
  nextClick(): OutgoingRecord {
    const random = this.#random
    while (this.#open.length < 40) {
      const skewMs = random.chance(SKEWED_SHARE) ? random.pick(SKEWS_MS) : 0
      this.#open.push({ id: `${skewMs === 0 ? 'right' : 'skewed'}-${this.#count++}`, skewMs, left: EVENTS_OF_SESSION })
    }
    const at = random.whole(0, this.#open.length - 1)
    const session = this.#open[at]
    if (!session) throw new Error('no session is under way')
    if (--session.left === 0) this.#open.splice(at, 1)
    return this.#click(session.id, session.skewMs - random.whole(0, this.#disorderMs))
  }

  /** A click of the producer whose clock is never right: on any partition, beside any session. */
  badClick(): OutgoingRecord {
    return this.#click(`bad-${this.#random.whole(0, 99)}`, this.#random.pick(OFFSETS_MS))
  }

  #click(session_id: string, offsetMs: number): OutgoingRecord {
    const item_id = `item-${this.#random.whole(1, 3)}`
    return this.#maker.click({ event_id: this.#random.uuid(), session_id, event_ts: Date.now() + offsetMs, item_id })
  }
}

/** A little ahead, so that each partition ends at the watermark of its own clock, with wrong clocks as without. */
const closers = (maker: LogMaker, random: SeededRandom): OutgoingRecord[] =>
  Array.from({ length: PARTITIONS }, (_, partition) =>
    maker.click(
      { event_id: random.uuid(), session_id: `closer-${partition}`, event_ts: Date.now() + SECOND },
      partition,
    ),
  )

/** Their windows, without the record at which the watermark passed the end: a fast clock may move that to an earlier one. */
const rowsOfOthers = ({ rows }: VerifiedLog['oracle']) =>
  rows
    .filter(({ session_id }) => RIGHT.test(session_id))
    .map(({ as_of_offset, ...row }) => ({ ...row, as_of_offset: row.status === 'open' ? as_of_offset : 0 }))
