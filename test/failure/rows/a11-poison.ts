import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import type { OutgoingRecord } from '../../../platform/kafka/producer.js'
import { waitUntil, type ServiceProcess } from '../../support/child-process.js'
import type { DetectionStage } from '../../support/detection-stage.js'
import { checkLetters } from '../letter-check.js'
import type { LogMaker } from '../made-log.js'
import { clickOf, withMadeLog } from '../made-log.js'
import { MAX_RECORD_BYTES, mutated, POISONS, poisonRecord } from '../poison.js'
import type { Row } from '../row.js'
import { differencesOf, rowKey, VerifiedLog } from '../verified-log.js'

const FULL = { good: 200_000, perKind: 200, mutations: 100_000, liveSeconds: 20 }
const QUICK = { good: 6_000, perKind: 3, mutations: 5_000, liveSeconds: 2 }
/** Event time of the good traffic: a minute, ended ten minutes ago, and closed by one click on each partition. */
const SPAN_MS = 60_000
const ENDED_AGO_MS = 600_000
const EVENTS_OF_SESSION = 60
const PARTITIONS = 4
const LIVE_RATE = 1_500
const LIVE_POISON_SHARE = 0.1
/** Kinds that are large are rare: they would make the log, not the detector, the thing that is measured. */
const RARE = new Set(['larger than a record may be', 'user id of 60,000', 'item id of 60,000', 'headers of 32 KB'])
const MOST_RARE = 20

export const row: Row = {
  id: 'A11',
  fault: 'poison of every kind among good records, then random mutations of good records',
  invariant:
    'what the oracle calls dead is in the dead-letter topic, untouched and with its reason; all else is as without; the detector never stops',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const sizes = quick ? QUICK : FULL
    return withMadeLog(async (stage, maker) => {
      const detector = stage.startDetector({ MAX_RECORD_BYTES: String(MAX_RECORD_BYTES) })
      const random = new SeededRandom(seed)
      await maker.send(mixedLog(maker, random, sizes))
      await maker.send(mutations(maker, random, sizes.mutations))
      await caughtUp(stage, detector) // a backlog would be what is measured
      await maker.sendPaced(LIVE_RATE, sizes.liveSeconds, (n) => [liveClick(maker, 'clean', n, random)])
      await maker.sendPaced(LIVE_RATE, sizes.liveSeconds, (n) => [
        liveClick(maker, 'beside', n, random),
        ...(random.chance(LIVE_POISON_SHARE) ? [anyPoison(maker, random, `live-${n}`, Date.now())] : []),
      ])
      // A little ahead, so that each partition's last watermark is that of its clock, with poison as without.
      await maker.send(closers(maker, Date.now() + 1_000, random))
      const log = await VerifiedLog.of(stage, { maxRecordBytes: MAX_RECORD_BYTES })
      await log.passes(log.records, [detector])
      await detector.stop()
      const letters = await checkLetters(log)
      const differences = [...(await log.differences()), ...letters.differences, ...(await changedByPoison(log))]
      const [clean, beside] = [await delays(stage, 'clean'), await delays(stage, 'beside')]
      say(`crossing to row, ms: ${JSON.stringify({ clean, beside })}`)
      const kinds = Object.keys(POISONS).length
      const ratio = (a: number, b: number) => (b / a).toFixed(2)
      return {
        held: differences.length === 0,
        figure:
          `${kinds} kinds, ${sizes.mutations} mutations: ${letters.letters}/${log.oracle.dead.length} dead letters, ` +
          `${letters.repeats} repeats, ${differences.length} differences in ${log.oracle.rows.length} anomalies; ` +
          `delay of good events with ${LIVE_POISON_SHARE * 100} % poison against without: p50 × ${ratio(clean.p50, beside.p50)}, p99 × ${ratio(clean.p99, beside.p99)} of ${clean.count} crossings`,
        configuration: { records: log.records, good: sizes.good, perKind: sizes.perKind, liveRate: LIVE_RATE },
        differences,
      }
    })
  },
}

async function caughtUp(stage: DetectionStage, detector: ServiceProcess): Promise<void> {
  const records = [...(await stage.logEnds()).values()].reduce((a, b) => a + b, 0)
  await waitUntil(
    () => detector.output,
    300_000,
    async () => (await stage.processed()) >= records,
  )
}

interface Sizes {
  readonly good: number
  readonly perKind: number
}

const MADE_BY_US = /^(good|closer|clean|beside)-/

/** Sessions of which most cross a threshold, in the order of their time, and poison at random places between them. */
function* mixedLog(maker: LogMaker, random: SeededRandom, { good, perKind }: Sizes): Generator<OutgoingRecord> {
  const fromMs = Math.floor((Date.now() - ENDED_AGO_MS - SPAN_MS) / 10_000) * 10_000
  const clicks = Array.from({ length: good / EVENTS_OF_SESSION }, (_, session) => {
    const startMs = fromMs + random.whole(0, SPAN_MS)
    const gapMs = random.whole(100, 200)
    return Array.from({ length: EVENTS_OF_SESSION }, (_, n) => ({ session, eventMs: startMs + n * gapMs }))
  })
    .flat()
    .sort((a, b) => a.eventMs - b.eventMs)
  const poisonAt = poisonPlaces(random, clicks.length, perKind)
  for (const [at, { session, eventMs }] of clicks.entries()) {
    for (const kind of poisonAt.get(at) ?? []) yield poison(maker, random, kind, `poison-${random.hex32()}`, eventMs)
    const itemId = `item-${random.whole(1, 3)}`
    yield maker.click({ event_id: random.uuid(), session_id: `good-${session}`, event_ts: eventMs, item_id: itemId })
  }
  yield* crossing(maker, random, fromMs + SPAN_MS + 60_000)
  yield* closers(maker, fromMs + SPAN_MS + 180_000, random)
}

/** A session that would cross a threshold with a time in its row that no database takes. */
function* crossing(maker: LogMaker, random: SeededRandom, event_ts: number): Generator<OutgoingRecord> {
  for (let n = 0; n < EVENTS_OF_SESSION; n++)
    yield maker.click({ event_id: random.uuid(), session_id: 'poison-crosses', event_ts, ingest_ts: 9e15 })
}

/** Which kinds of poison come before which click. */
function poisonPlaces(random: SeededRandom, clicks: number, perKind: number): Map<number, string[]> {
  const places = new Map<number, string[]>()
  for (const kind of Object.keys(POISONS))
    for (let n = 0; n < (RARE.has(kind) ? Math.min(perKind, MOST_RARE) : perKind); n++) {
      const at = random.whole(0, clicks - 1)
      places.set(at, [...(places.get(at) ?? []), kind])
    }
  return places
}

const poison = (maker: LogMaker, random: SeededRandom, kind: string, session_id: string, event_ts: number) =>
  poisonRecord(kind, { maker, random, click: clickOf({ event_id: random.uuid(), session_id, event_ts }) })

const COMMON = Object.keys(POISONS).filter((kind) => !RARE.has(kind)) as [string, ...string[]]

const anyPoison = (maker: LogMaker, random: SeededRandom, session: string, eventMs: number): OutgoingRecord =>
  poison(maker, random, random.pick(COMMON), `poison-${session}`, eventMs)

/** A click on each partition, by whose time the windows before it close. */
const closers = (maker: LogMaker, event_ts: number, random: SeededRandom): OutgoingRecord[] =>
  Array.from({ length: PARTITIONS }, (_, partition) =>
    maker.click({ event_id: random.uuid(), session_id: `closer-${partition}`, event_ts }, partition),
  )

function* mutations(maker: LogMaker, random: SeededRandom, count: number): Generator<OutgoingRecord> {
  for (let n = 0; n < count; n++) {
    const session_id = `mutation-${n}`
    const good = maker.click({ event_id: random.uuid(), session_id, event_ts: Date.now() })
    yield { ...good, value: good.value && mutated(good.value, random) }
  }
}

/** Every fiftieth of these clicks crosses the threshold of HIGH_FREQUENCY. */
const liveClick = (maker: LogMaker, phase: string, n: number, random: SeededRandom): OutgoingRecord =>
  maker.click({ event_id: random.uuid(), session_id: `${phase}-${Math.floor(n / 50)}`, event_ts: Date.now() })

/** What the oracle says of our sessions otherwise than of the same log without what is poison or mutated. */
async function changedByPoison(log: VerifiedLog): Promise<string[]> {
  const without = await log.oracleWithout(({ key }) => !MADE_BY_US.test(Buffer.from(key ?? '', 'base64').toString()))
  // A poison record that is none may be the one at which the watermark passes the end of a window.
  const rows = (all: VerifiedLog['oracle']) =>
    all.rows
      .filter(({ session_id }) => MADE_BY_US.test(session_id))
      .map(({ as_of_offset, ...row }) => ({ ...row, as_of_offset: row.status === 'open' ? as_of_offset : 0 }))
  return differencesOf('row beside poison', rows(log.oracle), rows(without), rowKey)
}

/** From the log append time of the event that crossed to the time at which its row was written. */
async function delays(stage: DetectionStage, phase: string): Promise<{ p50: number; p99: number; count: number }> {
  const { rows } = await stage.db.query<{ p50: number; p99: number; count: number }>(
    `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99,
            count(*)::int AS count
       FROM (SELECT (extract(epoch FROM a.db_write_ts - a.kafka_ts) * 1000)::float8 AS ms
               FROM anomaly_sessions a WHERE a.session_id LIKE $1) crossings`,
    [`${phase}-%`],
  )
  const [row] = rows
  if (!row || row.count === 0) throw new Error(`no crossing in phase ${phase}`)
  return row
}
