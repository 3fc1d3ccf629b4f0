import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { BatchHeader } from './record-batch.js'

/** Where a record is: words of the list's index. */
const WORDS = 4
const OFFSET_DELTA = 0
const VALUE_FROM = 1
const VALUE_TO = 2
const START = 3
const NULL = -1

/** As much is looked at before timers and sockets have a turn. */
const BYTES_PER_TURN = 1_048_576
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * The records of one batch, as they lie in its bytes: no object is made of a record unless it is asked for. All of them
 * are well-formed, or there is no list.
 */
export class RecordList {
  /** The records, not compressed. Values are parts of them. */
  readonly bytes: Buffer
  readonly length: number
  readonly #header: BatchHeader
  readonly #index: Int32Array
  /** Absent when every record has the time at which Kafka took the batch. */
  readonly #timestamps: Float64Array | undefined
  /** By record: whether it has no key. Absent while every record has one. */
  #keyless: Uint8Array | undefined
  #at = 0
  #indexed = 0
  /** Of the record that is being indexed, and at last of the last one. */
  #end = 0
  #headersLeft = 0
  #isInRecord = false

  private constructor(bytes: Buffer, header: BatchHeader) {
    this.bytes = bytes
    this.length = header.records
    this.#header = header
    this.#index = new Int32Array(header.records * WORDS)
    this.#timestamps = header.isAppendTime ? undefined : new Float64Array(header.records)
  }

  /**
   * Finds the records, and lets others have a turn while it does.
   * @throws RangeError when the bytes are not the records that the header tells of
   */
  static async read(bytes: Buffer, header: BatchHeader): Promise<RecordList> {
    const list = new RecordList(bytes, header)
    while (!list.#indexUntil(list.#at + BYTES_PER_TURN)) await nextTurn()
    return list
  }

  /** The same at once, for a batch that is known to be small. */
  static readNow(bytes: Buffer, header: BatchHeader): RecordList {
    const list = new RecordList(bytes, header)
    list.#indexUntil(bytes.length)
    return list
  }

  offsetAt(i: number): number {
    return this.#header.firstOffset + (this.#index[i * WORDS + OFFSET_DELTA] ?? 0)
  }

  /** The log append time where the topic keeps it, else the producer's. */
  timestampAt(i: number): number {
    return this.#timestamps?.[i] ?? this.#header.maxTimestamp
  }

  /** Where the value begins in `bytes`; -1 when it is null. */
  valueFromAt(i: number): number {
    return this.#index[i * WORDS + VALUE_FROM] ?? NULL
  }

  valueToAt(i: number): number {
    return this.#index[i * WORDS + VALUE_TO] ?? NULL
  }

  /** Whether a record has no key. */
  isKeylessAt(i: number): boolean {
    return this.#keyless !== undefined && this.#keyless[i] === 1
  }

  /** Of the whole record, with key and headers. */
  sizeAt(i: number): number {
    const end = i + 1 < this.length ? this.#index[(i + 1) * WORDS + START] : this.#end
    return (end ?? 0) - (this.#index[i * WORDS + START] ?? 0)
  }

  /** One record as kafkajs gives it. Key, value and headers are views of the batch's bytes. */
  recordAt(i: number): KafkaMessage {
    this.#at = this.#index[i * WORDS + START] ?? 0
    this.#varint() // its length
    const attributes = this.bytes.readInt8(this.#at++)
    this.#varint()
    this.#varint()
    const key = this.#sized()
    const value = this.#sized()
    const headers = this.#headers()
    return { attributes, timestamp: String(this.timestampAt(i)), offset: String(this.offsetAt(i)), key, value, headers }
  }

  /** https://kafka.apache.org/documentation/#record @returns whether all records are indexed */
  #indexUntil(pauseAt: number): boolean {
    const index = this.#index
    while (this.#indexed < this.length) {
      if (!this.#isInRecord) {
        this.#isInRecord = true
        const at = this.#indexed * WORDS
        index[at + START] = this.#at
        const length = this.#varint()
        this.#end = this.#at + length
        if (length < 1 || this.#end > this.bytes.length) throw new RangeError('a record is longer than its batch')
        this.#at++ // attributes, of which none is in use
        const timestampDelta = this.#varint()
        if (this.#timestamps) this.#timestamps[this.#indexed] = this.#header.firstTimestamp + timestampDelta
        index[at + OFFSET_DELTA] = this.#varint()
        if (this.#skip() < 0) (this.#keyless ??= new Uint8Array(this.length))[this.#indexed] = 1
        const valueBytes = this.#varint()
        index[at + VALUE_FROM] = valueBytes < 0 ? NULL : this.#at
        if (valueBytes > 0) this.#at += valueBytes
        index[at + VALUE_TO] = this.#at
        this.#headersLeft = Math.max(0, this.#varint())
      }
      for (; this.#headersLeft > 0; this.#headersLeft--) {
        if (this.#at >= this.#end) throw new RangeError('a record has fewer headers than it says')
        if (this.#at > pauseAt) return false
        if (this.#skip() < 0) throw new RangeError('a header has no name')
        this.#skip()
      }
      if (this.#at !== this.#end) throw new RangeError('a record is not as long as it says')
      this.#isInRecord = false
      this.#indexed++
      if (this.#at > pauseAt) return this.#indexed === this.length
    }
    return true
  }

  /** A header that is there several times keeps all its values. In linear time: one record can have 100,000. */
  #headers(): IHeaders {
    const count = this.#varint()
    // Without a prototype, a header may be called __proto__ and is nothing but a header.
    const headers = Object.create(null) as IHeaders
    for (let i = 0; i < count; i++) {
      const key = String(this.#sized())
      const value = this.#sized() ?? undefined
      const before = headers[key]
      if (before === undefined) headers[key] = value
      else if (Array.isArray(before)) before.push(value ?? '')
      else headers[key] = [before, value ?? '']
    }
    return headers
  }

  #sized(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const from = this.#at
    this.#at += length
    return this.bytes.subarray(from, this.#at)
  }

  /** Steps over something with its length in front. @returns the length */
  #skip(): number {
    const length = this.#varint()
    if (length > 0) this.#at += length
    return length
  }

  /** Exact up to 2^53; longer ones are times and offsets that no log has. */
  #varint(): number {
    const bytes = this.bytes
    const first = bytes[this.#at++]
    if (first !== undefined && first < 0x80) return (first >>> 1) ^ -(first & 1)
    const second = bytes[this.#at]
    if (first !== undefined && second !== undefined && second < 0x80) {
      this.#at++
      const two = (first & 0x7f) | (second << 7)
      return (two >>> 1) ^ -(two & 1)
    }
    let value = (first ?? 0) & 0x7f
    for (let factor = 128; ; factor *= 128) {
      const byte = bytes[this.#at++]
      if (first === undefined || byte === undefined) throw new RangeError('a number is cut off')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
      if (factor > 2 ** 63) throw new RangeError('a number is too long')
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
