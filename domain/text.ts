import { beginHash, finishHash, mixHash } from './hashing.js'

/** A text: a string, or the part of a record's bytes that it lies in. */
export type Text = string | TextSlice

/** Bytes that can say what text a part of them is. Buffers can. */
export interface TextBytes {
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
  readonly byteLength: number
  toString(encoding: 'latin1' | 'utf8', from: number, to: number): string
}

/** Texts of at most this many ASCII characters are packed: most ids are. */
export const MAX_PACKED_LENGTH = 48
export const PACKED_WORDS = MAX_PACKED_LENGTH / 4
const NOT_PACKED = -1

const NO_BYTES = new DataView(new ArrayBuffer(0))
const NOT_ASCII = 0x80808080
const ONES = 0x01010101

/**
 * A text of which no string is made unless somebody asks for it. One object is set again for each record, so it is valid
 * until then. Bytes that are not all ASCII become a string at the first look, as UTF-8.
 */
export class TextSlice {
  /** The characters, four to a word, if the text is packed; the rest of the words is of texts before it. */
  readonly words = new Int32Array(PACKED_WORDS)
  #bytes: TextBytes | undefined
  /** The same bytes: four of them are read at once. */
  #view: DataView = NO_BYTES
  #from = 0
  #to = 0
  #text: string | undefined = ''
  #isRead = false
  #packedLength = 0
  #hash = 0
  #hasNul = false

  /** Lays it on bytes `from` to before `to`. */
  set(bytes: TextBytes, from: number, to: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.#from = from
    this.#to = to
    this.#text = undefined
    this.#isRead = false
    return this
  }

  /** Makes it a string that is there already. */
  setString(text: string): this {
    this.#bytes = undefined
    this.#view = NO_BYTES
    this.#text = text
    this.#isRead = false
    return this
  }

  /** The bytes that it lies on, or undefined when it was a string from the start. */
  get view(): DataView | undefined {
    return this.#bytes && this.#view
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

  /** How many characters `words` hold; -1 when the text is too long for them, or not all ASCII. */
  get packedLength(): number {
    if (!this.#isRead) this.#read()
    return this.#packedLength
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

  toString(): string {
    if (!this.#isRead) this.#read()
    return (this.#text ??= this.#bytes?.toString('latin1', this.#from, this.#to) ?? '')
  }

  #read(): void {
    this.#isRead = true
    if (this.#text === undefined) this.#readBytes(this.#view)
    else this.#readString(this.#text)
  }

  /** One pass: the words, the hash, whether all is ASCII, and whether there is a NUL. */
  #readBytes(view: DataView): void {
    const { words } = this
    const from = this.#from
    const length = this.#to - from
    const isShort = length <= MAX_PACKED_LENGTH
    const whole = length & ~3
    let hash = beginHash(length)
    let all = 0
    let zeros = 0
    for (let at = 0; at < whole; at += 4) {
      const four = view.getInt32(from + at, true)
      all |= four
      // The high bit of a byte that is zero. https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord
      zeros |= (four - ONES) & ~four
      if (isShort) words[at >>> 2] = four
      hash = mixHash(hash, four)
    }
    if (whole < length) {
      let rest = 0
      for (let at = length - 1; at >= whole; at--) {
        const one = view.getUint8(from + at)
        zeros |= (one - 1) & ~one
        rest = (rest << 8) | one
      }
      all |= rest
      if (isShort) words[whole >>> 2] = rest
      hash = mixHash(hash, rest)
    }
    if ((all & NOT_ASCII) !== 0) {
      this.#readString((this.#text = this.#bytes?.toString('utf8', from, this.#to) ?? ''))
      return
    }
    this.#packedLength = isShort ? length : NOT_PACKED
    this.#hash = finishHash(hash)
    this.#hasNul = (zeros & NOT_ASCII) !== 0
  }

  /** The same of a string; of ASCII the same as of its bytes. */
  #readString(text: string): void {
    const { words } = this
    const { length } = text
    const isShort = length <= MAX_PACKED_LENGTH
    let hash = beginHash(length)
    let units = 0
    for (let at = 0; at < length; at += 4) {
      let four = 0
      for (let i = Math.min(at + 4, length) - 1; i >= at; i--) {
        const unit = text.charCodeAt(i)
        units |= unit
        four = (four << 8) ^ unit
      }
      if (isShort) words[at >>> 2] = four
      hash = mixHash(hash, four)
    }
    this.#packedLength = isShort && units < 0x80 ? length : NOT_PACKED
    this.#hash = finishHash(hash)
    this.#hasNul = text.includes('\0')
  }
}

/** About as many bytes as a string of its own takes in memory, with its entry in a map. */
export const heldBytes = (text: string): number => 2 * text.length + 100

/** The string that so many packed characters are. */
export function unpackText(words: Int32Array, from: number, length: number): string {
  const codes: number[] = []
  for (let at = 0; at < length; at++) codes.push(((words[from + (at >>> 2)] ?? 0) >>> (8 * (at & 3))) & 0xff)
  return String.fromCharCode(...codes)
}
