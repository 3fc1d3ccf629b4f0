import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

/** A longer line is given as too long, without its bytes ever being held. */
export const MAX_LINE_BYTES = 65_536

export interface LogLine {
  /** 1 for the first line. */
  readonly number: number
  /** Without its line end; undefined when it was longer than `MAX_LINE_BYTES`. */
  readonly bytes: Buffer | undefined
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** Cuts a stream of bytes into lines. What it holds is bounded by the longest line allowed. */
export class LineCutter {
  #number = 0
  #held: Buffer[] = []
  #heldBytes = 0
  #tooLong = false

  /** @returns the lines that end in this chunk */
  cut(chunk: Buffer): LogLine[] {
    const lines: LogLine[] = []
    let from = 0
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.#hold(chunk.subarray(from, at))
      lines.push(this.#release())
      from = at + 1
    }
    this.#hold(chunk.subarray(from))
    return lines
  }

  /** @returns the last line, if the stream did not end with a line end */
  end(): LogLine[] {
    return this.#heldBytes > 0 || this.#tooLong ? [this.#release()] : []
  }

  #hold(part: Buffer): void {
    if (part.length === 0 || this.#tooLong) return
    this.#heldBytes += part.length
    // One byte more is borne until the line is whole: it may be the carriage return of its end.
    this.#tooLong = this.#heldBytes > MAX_LINE_BYTES + 1
    if (this.#tooLong) this.#held = []
    else this.#held.push(part)
  }

  #release(): LogLine {
    this.#number++
    let bytes = this.#tooLong ? undefined : Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    this.#tooLong = false
    if (bytes?.at(-1) === CARRIAGE_RETURN) bytes = bytes.subarray(0, -1)
    if (this.#number === 1 && bytes?.subarray(0, 3).equals(BYTE_ORDER_MARK) === true) bytes = bytes.subarray(3)
    return { number: this.#number, bytes: bytes !== undefined && bytes.length > MAX_LINE_BYTES ? undefined : bytes }
  }
}

export interface LogSource {
  /** Bytes of the file as it stands on disk; undefined for standard input. */
  readonly totalBytes: number | undefined
  /** Bytes of it read so far. */
  readonly bytesRead: () => number
  /** The log itself, unpacked if it is gzip, in chunks. */
  readonly chunks: AsyncIterable<Buffer>
  readonly close: () => void
}

/**
 * Opens a log, packed with gzip or not, which its first two bytes tell.
 * @param file a path, or `-` for standard input
 * @throws the file system's error for a file that cannot be read
 */
export async function openLog(file: string, stdin: Readable): Promise<LogSource> {
  if (file !== '-' && !(await stat(file)).isFile()) throw new Error(`${file} is not a file`)
  const raw = file === '-' ? stdin : createReadStream(file, { highWaterMark: 262_144 })
  const totalBytes = file === '-' ? undefined : (await stat(file)).size
  let bytesRead = 0
  raw.on('error', () => undefined) // also thrown by the iteration below, which reports it
  return {
    totalBytes,
    bytesRead: () => bytesRead,
    chunks: unpacked(raw, (bytes) => (bytesRead += bytes)),
    close: () => raw.destroy(),
  }
}

async function* unpacked(raw: Readable, onRead: (bytes: number) => void): AsyncGenerator<Buffer, void> {
  const iterator = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const begin: Buffer[] = []
  let length = 0
  while (length < 2) {
    const next = await iterator.next()
    if (next.done === true) break
    begin.push(next.value)
    length += next.value.length
  }
  const head = Buffer.concat(begin)
  const all = rest(head, iterator, onRead)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* all
  const gunzip = createGunzip({ chunkSize: 262_144 })
  const packed = pipeline(all, gunzip)
  packed.catch(() => undefined) // awaited below
  yield* gunzip as AsyncIterable<Buffer>
  await packed
}

async function* rest(
  head: Buffer,
  iterator: AsyncIterator<Buffer>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  for (let chunk = head; ;) {
    onRead(chunk.length)
    if (chunk.length > 0) yield chunk
    const next = await iterator.next()
    if (next.done === true) return
    chunk = next.value
  }
}
