/** Of a longer line only the beginning is kept: no server writes one, and what is needed of it stands there. */
export const MAX_LINE_BYTES = 1_048_576

export interface LogLine {
  /** 1 for the first line. */
  readonly number: number
  /** Without its line end, and without NUL bytes around it, which a crash of the server leaves in a log. */
  readonly bytes: Buffer
  /** Whether the line was longer than `MAX_LINE_BYTES`. */
  readonly isCut: boolean
  /** False only for a last line without line end, which may be half written. */
  readonly isEnded: boolean
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Cuts a stream of bytes into lines. What it holds is bounded by the longest line allowed. */
export class LineCutter {
  #number = 0
  #held: Buffer[] = []
  #heldBytes = 0
  #isCut = false

  /** @returns the lines that end in this chunk; their bytes may be those of the chunk */
  cut(chunk: Buffer): LogLine[] {
    const lines: LogLine[] = []
    let from = 0
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.#hold(chunk.subarray(from, at))
      lines.push(this.#release(true))
      from = at + 1
    }
    this.#hold(chunk.subarray(from))
    return lines
  }

  /** @returns the last line, if the stream did not end with a line end */
  end(): LogLine[] {
    return this.#heldBytes > 0 ? [this.#release(false)] : []
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return
    // One byte more than a line may have: it may be the carriage return of its end.
    const room = MAX_LINE_BYTES + 1 - this.#heldBytes
    if (part.length > room) this.#isCut = true
    if (room <= 0) return
    const kept = part.subarray(0, room)
    this.#heldBytes += kept.length
    this.#held.push(kept)
  }

  #release(isEnded: boolean): LogLine {
    this.#number++
    const [only] = this.#held
    let bytes = only !== undefined && this.#held.length === 1 ? only : Buffer.concat(this.#held)
    if (this.#number === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK)) bytes = bytes.subarray(3)
    if (bytes.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1)
    const isCut = this.#isCut || bytes.length > MAX_LINE_BYTES
    bytes = withoutPadding(bytes.length > MAX_LINE_BYTES ? bytes.subarray(0, MAX_LINE_BYTES) : bytes)
    this.#held = []
    this.#heldBytes = 0
    this.#isCut = false
    return { number: this.#number, bytes, isCut, isEnded }
  }
}

function withoutPadding(bytes: Buffer): Buffer {
  if (bytes[0] !== 0 && bytes.at(-1) !== 0) return bytes
  let [from, to] = [0, bytes.length]
  while (from < to && bytes[from] === 0) from++
  while (to > from && bytes[to - 1] === 0) to--
  return bytes.subarray(from, to)
}
