// A leading byte order mark is part of a text, and bytes that are no text are a fault.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

/** Reads numbers and texts, little-endian, with lengths in front. @throws RangeError when they end too early */
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
