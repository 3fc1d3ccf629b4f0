import { gzipSync } from 'node:zlib'
import type { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { TOPICS, type Click } from '../../domain/events.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { LogMaker } from './made-log.js'

/** A record before it is spoiled, and what a kind of poison may draw on. */
interface Prey {
  readonly click: Click
  readonly maker: LogMaker
  readonly random: SeededRandom
}

type Spoiled = Partial<Pick<OutgoingRecord, 'key' | 'value' | 'headers'>>
type Poison = (prey: Prey) => Spoiled

const HEADER = 5
/** Beyond it a value is a dead letter by its size alone (MAX_RECORD_BYTES). */
export const MAX_RECORD_BYTES = 65_536

const encode = ({ click, maker }: Prey, fields: Partial<Click> = {}): Buffer =>
  maker.encodeClick({ ...click, ...fields })
const value =
  (make: (prey: Prey, good: Buffer) => Buffer | null): Poison =>
  (prey) => ({ value: make(prey, encode(prey)) })
const fields = (changed: Partial<Click> | ((prey: Prey) => Partial<Click>)): Poison =>
  value((prey) => encode(prey, typeof changed === 'function' ? changed(prey) : changed))
/** The bytes of a click up to where a field begins, then others, then nothing: what follows is never reached. */
const body = (make: (prey: Prey) => readonly (Buffer | readonly number[])[]): Poison =>
  value((prey, good) => Buffer.concat([good.subarray(0, HEADER), ...make(prey).map((part) => Buffer.from(part))]))
const withHeaders =
  (headers: NonNullable<OutgoingRecord['headers']>): Poison =>
  () => ({ value: Buffer.from('{}'), headers })
const overwrite = (change: (bytes: Buffer) => void): Poison =>
  value((_, good) => {
    change(good)
    return good
  })

/** Zigzag and seven bits a byte, as Avro writes a long; any size. */
function varint(number: bigint): Buffer {
  let rest = number >= 0n ? number << 1n : (-number << 1n) - 1n
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

const text = (content: string): Buffer =>
  Buffer.concat([varint(BigInt(Buffer.byteLength(content))), Buffer.from(content)])

/** A click written field by field, so that each can be what no encoder would write. */
function byHand(
  { click }: Prey,
  parts: Partial<Record<'eventTs' | 'ingestTs' | 'userId' | 'type' | 'session', Buffer>>,
) {
  return [
    text(click.event_id),
    parts.eventTs ?? varint(BigInt(click.event_ts)),
    parts.ingestTs ?? varint(BigInt(click.ingest_ts)),
    text(click.source),
    parts.session ?? text(click.session_id),
    parts.userId ?? varint(0n),
    parts.type ?? varint(1n),
    varint(0n),
    text(click.page),
    ...[0n, 0n, 0n].map(varint),
  ]
}
const hand = (parts: Parameters<typeof byHand>[1]): Poison => body((prey) => byHand(prey, parts))

const double = (number: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(number)
  return bytes
}
const sized = (length: number) => 'x'.repeat(length)
const DAY_MS = 86_400_000

/** Every way in which a record is poison, or looks like it. What must become of each, the oracle says. */
export const POISONS: Readonly<Record<string, Poison>> = {
  'null value': () => ({ value: null }),
  'empty value': () => ({ value: Buffer.alloc(0) }),
  'one byte': () => ({ value: Buffer.from([0]) }),
  'short frame': value((_, good) => good.subarray(0, 4)),
  'header alone': value((_, good) => good.subarray(0, HEADER)),
  'wrong magic byte': overwrite((bytes) => bytes.writeUInt8(1, 0)),
  'magic byte of text': overwrite((bytes) => bytes.writeUInt8(0x7b, 0)),
  'unknown schema id': overwrite((bytes) => bytes.writeInt32BE(0x7fff_fff0, 1)),
  'schema id 0': overwrite((bytes) => bytes.writeInt32BE(0, 1)),
  'negative schema id': overwrite((bytes) => bytes.writeInt32BE(-1, 1)),
  'schema id of another topic': ({ maker, ...prey }) => ({
    value: framed(maker.schemaIds[TOPICS.anomalies] ?? 0, encode({ maker, ...prey }).subarray(HEADER)),
  }),
  "a purchase's body": value(({ click, maker }, good) =>
    framed(good.readInt32BE(1), purchaseOf(click, maker).subarray(HEADER)),
  ),
  'truncated anywhere': value(({ random }, good) => good.subarray(0, random.whole(HEADER, good.length - 1))),
  'last byte missing': value((_, good) => good.subarray(0, -1)),
  'a byte too many': value((_, good) => Buffer.concat([good, Buffer.from([0])])),
  'a kilobyte too many': value((_, good) => Buffer.concat([good, Buffer.alloc(1_024, 0x2a)])),
  'twice in one': value((_, good) => Buffer.concat([good, good])),
  'a string of negative length': body(() => [varint(-5n)]),
  'a string of 2^31 bytes': body(() => [varint(2n ** 31n)]),
  'a string of 2^63-1 bytes': body(() => [varint(2n ** 63n - 1n)]),
  'a number of eleven bytes': body(() => [Buffer.alloc(11, 0xff), [1]]),
  'a number without an end': body(() => [Buffer.alloc(64, 0xff)]),
  'a choice that a union lacks': hand({ userId: varint(2n) }),
  'a negative choice': hand({ userId: varint(-1n) }),
  'an enum symbol too many': hand({ type: varint(5n) }),
  'a negative enum symbol': hand({ type: varint(-1n) }),
  'JSON text': value(({ click }) => Buffer.from(JSON.stringify(click))),
  'deep JSON': value(() => Buffer.from('['.repeat(5_000))),
  'JSON of the prototype': value(() => Buffer.from('{"__proto__":{"event_id":"x"},"constructor":1}')),
  'plain text': value(() => Buffer.from('GET / HTTP/1.1\r\n\r\n')),
  'gzip of a record': value((_, good) => gzipSync(good)),
  'random bytes': value(({ random }) => Buffer.from(Array.from({ length: 200 }, () => random.whole(0, 255)))),
  'random body': body(({ random }) => [Array.from({ length: 120 }, () => random.whole(0, 255))]),
  zeros: value(() => Buffer.alloc(1_024)),
  'event time 2^63-1': hand({ eventTs: varint(2n ** 63n - 1n) }),
  'event time -2^63': hand({ eventTs: varint(-(2n ** 63n)) }),
  'event time 0': fields({ event_ts: 0 }),
  'event time -1': fields({ event_ts: -1 }),
  'event time before 2000': fields({ event_ts: 946_684_799_999 }),
  'event time after 9999': fields({ event_ts: 253_402_300_800_000 }),
  'event time NaN': hand({ eventTs: double(Number.NaN) }),
  'event time +Infinity': hand({ eventTs: double(Number.POSITIVE_INFINITY) }),
  'event time -Infinity': hand({ eventTs: double(Number.NEGATIVE_INFINITY) }),
  'six minutes ahead': fields(() => ({ event_ts: Date.now() + 360_000 })),
  'ten years ahead': fields(() => ({ event_ts: Date.now() + 3_650 * DAY_MS })),
  'intake time 2^62': hand({ ingestTs: varint(2n ** 62n) }),
  'intake time 9e15': fields({ ingest_ts: 9e15 }),
  'intake time -9e15': fields({ ingest_ts: -9e15 }),
  'empty event id': fields({ event_id: '' }),
  'empty session id': fields({ session_id: '' }),
  'NUL in event id': fields({ event_id: 'a\0b' }),
  'NUL in session id': fields({ session_id: 'poison-a\0b' }),
  'NUL in user id': fields({ user_id: 'u\0' }),
  'NUL in item id': fields({ item_id: 'i\0' }),
  'event id of 513': fields({ event_id: sized(513) }),
  'session id of 513': fields({ session_id: sized(513) }),
  'user id of 60,000': fields({ user_id: sized(60_000) }),
  'item id of 60,000': fields({ item_id: sized(60_000) }),
  'larger than a record may be': fields({ page: sized(MAX_RECORD_BYTES) }),
  'session id that is no UTF-8': hand({ session: Buffer.from([4, 0xc3, 0x28]) }),
  'no key': () => ({ key: null, value: Buffer.from('x') }),
  'binary key': () => ({ key: Buffer.from([0, 0xff, 0xfe, 1]), value: Buffer.from('x') }),
  'headers of 32 KB': withHeaders({ huge: sized(32_768) }),
  'a header many times': withHeaders({ twice: Array.from({ length: 200 }, (_, n) => String(n)) }),
  'a header without a name': withHeaders({ '': 'x' }),
  'headers with the names of ours': withHeaders({ 'guardian.error.code': 'NONE', '__connect.errors.topic': 'x' }),
  'headers with the names of the language': withHeaders({ constructor: 'x', toString: 'y', hasOwnProperty: 'z' }),
}

function framed(schemaId: number, content: Buffer): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeInt32BE(schemaId, 1)
  return Buffer.concat([header, content])
}

function purchaseOf(click: Click, maker: LogMaker): Buffer {
  const { event_id, event_ts, ingest_ts, source, session_id, user_id } = click
  const base = { event_id, event_ts, ingest_ts, source, session_id, user_id }
  return maker.encodePurchase({ ...base, order_id: 'o', item_id: 'i', quantity: 1, unit_price: 1, currency: 'EUR' })
}

/** One poison record. Whatever of it can be read is of the click that it was made from. */
export function poisonRecord(kind: string, prey: Prey): OutgoingRecord {
  const poison = POISONS[kind]
  if (!poison) throw new Error(`no poison ${kind}`)
  return { topic: TOPICS.clicks, key: prey.click.session_id, value: null, ...poison(prey) }
}

/** Damages bytes in one to three random ways: bits, cuts, insertions, runs that are doubled or overwritten. */
export function mutated(bytes: Buffer, random: SeededRandom): Buffer {
  let result = bytes
  for (let rounds = random.whole(1, 3); rounds > 0; rounds--)
    result = MUTATIONS[random.whole(0, 5)]?.(result, random) ?? result
  return result
}

const noise = (random: SeededRandom, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.whole(0, 255)))

const MUTATIONS: readonly ((bytes: Buffer, random: SeededRandom) => Buffer)[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes)
    for (let flips = random.whole(1, 8); flips > 0 && copy.length > 0; flips--) {
      const at = random.whole(0, copy.length - 1)
      copy.writeUInt8(copy.readUInt8(at) ^ (1 << random.whole(0, 7)), at)
    }
    return copy
  },
  (bytes, random) => bytes.subarray(0, random.whole(0, bytes.length)),
  (bytes, random) => Buffer.concat([bytes, noise(random, random.whole(1, 16))]),
  (bytes, random) => {
    const at = random.whole(0, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), noise(random, random.whole(1, 8)), bytes.subarray(at)])
  },
  (bytes, random) => {
    const at = random.whole(0, bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.whole(1, 12))])
  },
  (bytes, random) => {
    const at = random.whole(0, bytes.length)
    const run = bytes.subarray(at, at + random.whole(1, 12))
    return Buffer.concat([bytes.subarray(0, at), run, bytes.subarray(at)])
  },
]
