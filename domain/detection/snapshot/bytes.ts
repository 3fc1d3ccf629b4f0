import { MAX_PACKED_LENGTH } from '../../text.js'
import type { TextSource } from '../../windowing/text-table.js'

const encoder = new TextEncoder()
// A leading byte order mark is part of a text, and bytes that are no text are a fault.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** Writes numbers and texts, little-endian, into one growing run of bytes. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  /** @param room bytes that there is room for at first */
  constructor(room = 65_536) {
    this.#bytes = new Uint8Array(room)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  i32(value: number): void {
    this.#reserve(4)
    this.#view.setInt32(this.#length, value, true)
    this.#length += 4
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  raw(bytes: Uint8Array): void {
    this.i32(bytes.length)
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** As UTF-8, with its length in front. */
  text(text: string): void {
    this.#reserve(4 + text.length * 3)
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#length + 4))
    this.i32(written)
    this.#length += written
  }

  /** The same of a text that has a number, without making a string of it where that can be. */
  textOf(source: TextSource, ref: number): void {
    this.#reserve(4 + MAX_PACKED_LENGTH)
    const length = source.copyText(ref, this.#bytes, this.#length + 4)
    if (length < 0) {
      this.text(source.textOf(ref))
      return
    }
    this.i32(length)
    this.#length += length
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

/** Reads what `ByteWriter` wrote. @throws RangeError when it ends too early */
export class ByteReader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1))
  }

  i32(): number {
    return this.#view.getInt32(this.#step(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.#step(8), true)
  }

  /** A view of the bytes, not a copy. */
  raw(): Uint8Array {
    const length = this.i32()
    const from = this.#step(length)
    return this.#bytes.subarray(from, from + length)
  }

  text(): string {
    const length = this.i32()
    const from = this.#step(length)
    return decoder.decode(this.#bytes.subarray(from, from + length))
  }

  #step(bytes: number): number {
    const at = this.#at
    if (bytes < 0 || at + bytes > this.#bytes.length) throw new RangeError('the snapshot ends too early')
    this.#at += bytes
    return at
  }
}
