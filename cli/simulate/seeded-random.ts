/**
 * A seeded stream of pseudo-random numbers: sfc32 of Chris Doty-Humphrey's PractRand (public domain), 128 bits of
 * state, its state filled from the seed by splitmix32 and run in for 15 rounds. Not for secrets.
 */
export class SeededRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param seeds whole numbers; each changes the whole stream */
  constructor(...seeds: readonly number[]) {
    let state = 0x9e3779b9
    for (const seed of seeds) {
      state = splitmix32(state ^ (seed >>> 0))
      state = splitmix32(state ^ (Math.floor(seed / 2 ** 32) >>> 0))
    }
    this.#a = splitmix32(state)
    this.#b = splitmix32(this.#a)
    this.#c = splitmix32(this.#b)
    for (let round = 0; round < 15; round++) this.next32()
  }

  /** @returns a whole number in 0..2^32-1 */
  next32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }

  /** @returns a number in [0, 1) */
  fraction(): number {
    return this.next32() / 2 ** 32
  }

  /** @returns a whole number in low..high, both included */
  whole(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1))
  }

  /** @returns a number in [low, high) */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low)
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** @returns a waiting time with this mean, as between events that know nothing of each other */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.fraction())
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.whole(0, list.length - 1)] ?? list[0]
  }

  /** @returns lower-case hexadecimal digits, eight per draw */
  hex32(): string {
    const word = this.next32()
    return half(word >>> 16) + half(word)
  }

  /** @returns a lower-case UUID in the shape of version 4 */
  uuid(): string {
    const a = this.next32()
    const b = (this.next32() & 0xffff0fff) | 0x4000
    const c = (this.next32() & 0x3fffffff) | 0x80000000
    const d = this.next32()
    return `${half(a >>> 16)}${half(a)}-${half(b >>> 16)}-${half(b)}-${half(c >>> 16)}-${half(c)}${half(d >>> 16)}${half(d)}`
  }
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The lower 16 bits as four digits. */
const half = (word: number): string => `${BYTES[(word >>> 8) & 0xff] ?? ''}${BYTES[word & 0xff] ?? ''}`

function splitmix32(state: number): number {
  let mixed = (state + 0x9e3779b9) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}
