/*
 * Hashes that are the same in every process and release: detection state is stored with them, and what is decided depends
 * on them. Those of `hashing.ts` are of one process. After MurmurHash3 (Austin Appleby, public domain).
 */
import type { Text } from '../text.js'

const encoder = new TextEncoder()

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

const mixA = (hash: number, word: number): number =>
  (Math.imul(rotate(hash ^ Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593), 13), 5) + 0xe6546b64) | 0

const mixB = (hash: number, word: number): number =>
  (Math.imul(rotate(hash ^ Math.imul(rotate(Math.imul(word, 0x38b34ae5), 17), 0xa1e38b93), 17), 5) + 0x0bcaa747) | 0

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  const g = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return g ^ (g >>> 16)
}

/** The word of the last one to three bytes; zero when there are none. */
function restOf(view: DataView, from: number, to: number): number {
  let rest = 0
  for (let at = to - 1; at >= from; at--) rest = (rest << 8) | view.getUint8(at)
  return rest
}

/** The bytes of the text that is hashed now: texts that were never bytes are many when a log is scanned. */
const scratch = new Uint8Array(8_192)
const scratchView = new DataView(scratch.buffer)
let scratchLength = 0

/** The UTF-8 bytes of a text, of which `scratchLength` count; valid until the next call. */
const viewOf = (text: Text): DataView => {
  const string = String(text)
  if (3 * string.length <= scratch.length) {
    scratchLength = encoder.encodeInto(string, scratch).written
    return scratchView
  }
  const { buffer, byteOffset, byteLength } = encoder.encode(string)
  scratchLength = byteLength
  return new DataView(buffer, byteOffset, byteLength)
}

/**
 * A session in 64 bits. The second word is never 0. Two sessions that have the same bits are taken for one when they also use
 * the same event id: of a billion pairs of sessions with a common event id, one in 2^34.
 */
export class SessionBits {
  s0 = 0
  s1 = 1

  read(session: Text): void {
    const lies = typeof session === 'string' ? undefined : session.view
    if (typeof session !== 'string' && lies) this.#read(lies, session.from, session.to)
    else {
      const view = viewOf(session)
      this.#read(view, 0, scratchLength)
    }
  }

  #read(view: DataView, from: number, to: number): void {
    const whole = from + ((to - from) & ~3)
    let a = to - from
    let b = a
    for (let at = from; at < whole; at += 4) {
      const word = view.getInt32(at, true)
      a = mixA(a, word)
      b = mixB(b, word)
    }
    const rest = restOf(view, whole, to)
    this.s0 = finish(mixA(a, rest))
    this.s1 = finish(mixB(b, rest)) || 1
  }
}

/** Hashes of several values, one after the other, begin with it. */
export const BEGIN_HASH = 0

/** Takes a whole number that a double holds exactly into a hash. */
export const hashNumber = (hash: number, value: number): number =>
  mixA(mixA(hash, value | 0), (value - (value >>> 0)) / 2 ** 32)

/** Takes a text into a hash, by its UTF-8 bytes, so that it gives the same however it was read. */
export function hashText(hash: number, text: Text | null | undefined): number {
  if (text === null || text === undefined) return mixA(hash, -1)
  const lies = typeof text === 'string' ? undefined : text.view
  if (typeof text !== 'string' && lies) return hashBytes(hash, lies, text.from, text.to)
  const view = viewOf(text)
  return hashBytes(hash, view, 0, scratchLength)
}

/** 32 bits. */
export const finishHash = finish

function hashBytes(hash: number, view: DataView, from: number, to: number): number {
  const whole = from + ((to - from) & ~3)
  let mixed = mixA(hash, to - from)
  for (let at = from; at < whole; at += 4) mixed = mixA(mixed, view.getInt32(at, true))
  return whole < to ? mixA(mixed, restOf(view, whole, to)) : mixed
}
