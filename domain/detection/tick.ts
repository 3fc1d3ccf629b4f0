import { EARLIEST_EVENT_MS, LATEST_EVENT_MS } from '../events/event-fault.js'

/*
 * A tick: byte 1, the letters `km.tick`, and a time as a whole number of milliseconds, eight bytes, big-endian. An event
 * begins with byte 0. Whoever reads the topic with other programs knows it by the header `guardian.record` as well.
 */
const MAGIC = [1, 0x6b, 0x6d, 0x2e, 0x74, 0x69, 0x63, 0x6b]
const TICK_BYTES = MAGIC.length + 8

/** The header that a tick record has. */
export const TICK_HEADERS = { 'guardian.record': 'tick' } as const

/** The value of a tick record. @param atMs event time up to which an idle partition has come */
export function tickValue(atMs: number): Uint8Array {
  const bytes = new Uint8Array(TICK_BYTES)
  bytes.set(MAGIC)
  new DataView(bytes.buffer).setBigInt64(MAGIC.length, BigInt(Math.floor(atMs)))
  return bytes
}

/** The time in a tick record's value, or undefined when bytes `from` to before `to` are none. */
export function tickTimeOf(bytes: Uint8Array, from = 0, to = bytes.length): number | undefined {
  if (to - from !== TICK_BYTES || MAGIC.some((byte, i) => bytes[from + i] !== byte)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const atMs = Number(view.getBigInt64(from + MAGIC.length))
  return atMs >= EARLIEST_EVENT_MS && atMs <= LATEST_EVENT_MS ? atMs : undefined
}
