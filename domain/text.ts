/** A text: a string, or the part of a record's bytes that it lies in. */
export type Text = string | TextSlice

/** Bytes that can say what text a part of them is. Buffers can. */
export interface TextBytes {
  readonly [at: number]: number
  toString(encoding: 'latin1' | 'utf8', from: number, to: number): string
}

const NO_BYTES: TextBytes = []
const NOT_ASCII = 0x80808080
const ONES = 0x01010101
const MULTIPLIER = 0xcc9e2d51

/**
 * A text of which no string is made unless somebody asks for it. One object is set again for each record, so it is valid
 * until then. Bytes that are not all ASCII become a string at the first look, as UTF-8.
 */
export class TextSlice {
  #bytes: TextBytes | undefined
  #from = 0
  #to = 0
  #text: string | undefined = ''
  #isRead = true
  #hash = hashOf('')
  #hasNul = false

  /** Lays it on bytes `from` to before `to`. */
  set(bytes: TextBytes, from: number, to: number): this {
    this.#bytes = bytes
    this.#from = from
    this.#to = to
    this.#text = undefined
    this.#isRead = false
    return this
  }

  /** Makes it a string that is there already. */
  setString(text: string): this {
    this.#bytes = undefined
    this.#hold(text)
    return this
  }

  /** The bytes that it lies on, or undefined when it was a string from the start. */
  get bytes(): TextBytes | undefined {
    return this.#bytes
  }

  get from(): number {
    return this.#from
  }

  get to(): number {
    return this.#to
  }

  /** UTF-16 units, as in a string. */
  get length(): number {
    if (!this.#isRead) this.#read()
    return this.#text?.length ?? this.#to - this.#from
  }

  /** 32 bits that depend on the text alone, and not on how it came. */
  get hash(): number {
    if (!this.#isRead) this.#read()
    return this.#hash
  }

  get hasNul(): boolean {
    if (!this.#isRead) this.#read()
    return this.#hasNul
  }

  /** Whether it is the same text. */
  is(other: string): boolean {
    if (!this.#isRead) this.#read()
    if (this.#text !== undefined) return this.#text === other
    const bytes = this.#bytes ?? NO_BYTES
    const from = this.#from
    const length = this.#to - from
    if (other.length !== length) return false
    for (let i = 0; i < length; i++) if (other.charCodeAt(i) !== bytes[from + i]) return false
    return true
  }

  toString(): string {
    if (!this.#isRead) this.#read()
    return (this.#text ??= (this.#bytes ?? NO_BYTES).toString('latin1', this.#from, this.#to))
  }

  #hold(text: string): void {
    this.#text = text
    this.#hash = hashOf(text)
    this.#hasNul = text.includes('\0')
    this.#isRead = true
  }

  /** One pass: the hash, whether all is ASCII, and whether there is a NUL. */
  #read(): void {
    const bytes = this.#bytes ?? NO_BYTES
    const to = this.#to
    let at = this.#from
    let hash = to - at
    let all = 0
    let zeros = 0
    for (; at + 3 < to; at += 4) {
      const four =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
      all |= four
      // The high bit of a byte that is zero. https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
      zeros |= (four - ONES) & ~four
      hash = mix(hash, four)
    }
    for (; at < to; at++) {
      const one = bytes[at] ?? 0
      all |= one
      zeros |= (one - 1) & ~one
      hash = mix(hash, one)
    }
    if ((all & NOT_ASCII) !== 0) {
      this.#hold(bytes.toString('utf8', this.#from, to))
      return
    }
    this.#hash = finish(hash)
    this.#hasNul = (zeros & NOT_ASCII) !== 0
    this.#isRead = true
  }
}

/** The hash of a string: of ASCII the same as of its bytes. */
function hashOf(text: string): number {
  const length = text.length
  let hash = length
  let at = 0
  for (; at + 3 < length; at += 4)
    hash = mix(
      hash,
      text.charCodeAt(at) |
        (text.charCodeAt(at + 1) << 8) |
        (text.charCodeAt(at + 2) << 16) |
        (text.charCodeAt(at + 3) << 24),
    )
  for (; at < length; at++) hash = mix(hash, text.charCodeAt(at))
  return finish(hash)
}

/** After MurmurHash3 (Austin Appleby, public domain). */
function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, MULTIPLIER)
  return (mixed << 13) | (mixed >>> 19)
}

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return Math.imul(h ^ (h >>> 13), 0xc2b2ae35) ^ (h >>> 15)
}
