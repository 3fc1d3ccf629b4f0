import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { LineCutter } from './log-lines.js'
import { unpack } from './unpack.js'

const HASH = 0x23

export interface LogSource {
  /** Bytes of the file as it stands on disk; undefined for standard input. */
  readonly totalBytes: number | undefined
  /** Bytes of it read so far. */
  readonly bytesRead: () => number
  /** The log itself, unpacked, in chunks. */
  readonly chunks: AsyncIterable<Buffer>
  /**
   * The first line that is not a directive, without its being taken from `chunks`; undefined when there is none in the first
   * bytes. Standard input is waited for until the abort.
   */
  readonly firstLine: (signal: AbortSignal) => Promise<Buffer | undefined>
  readonly close: () => void
}

/** No first line is further than this from the beginning of its log. */
const MAX_HEAD_BYTES = 4 * 1_048_576

/** Bytes that one file may unpack to. */
export const MAX_UNPACKED_BYTES = 256 * 1_024 ** 3

/**
 * Opens a log; its first bytes tell whether and how it is packed.
 * @param file a path, or `-` for standard input
 * @throws the file system's error for a file that cannot be read
 */
export async function openLog(file: string, stdin: Readable): Promise<LogSource> {
  const facts = file === '-' ? undefined : await stat(file)
  if (facts?.isDirectory() === true)
    throw new Error(`${file} is a folder: name the logs in it, for example ${file}/access.log*`)
  const raw = file === '-' ? stdin : createReadStream(file, { highWaterMark: 262_144 })
  let bytesRead = 0
  raw.on('error', () => undefined) // also thrown by the iteration below, which reports it
  const unpacked = unpack(raw, MAX_UNPACKED_BYTES, (bytes) => (bytesRead += bytes))
  const peeked = new PeekedChunks(unpacked)
  return {
    totalBytes: facts?.isFile() === true ? facts.size : undefined,
    bytesRead: () => bytesRead,
    chunks: peeked,
    firstLine: (signal) => peeked.firstLine(signal),
    close: () => raw.destroy(),
  }
}

/** Chunks of which the first can be looked at before they are read. */
class PeekedChunks implements AsyncIterable<Buffer> {
  readonly #iterator: AsyncIterator<Buffer>
  readonly #peeked: Promise<IteratorResult<Buffer, unknown>>[] = []

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return { next: () => this.#peeked.shift() ?? this.#iterator.next() }
  }

  async firstLine(signal: AbortSignal): Promise<Buffer | undefined> {
    const cutter = new LineCutter()
    for (let bytes = 0, at = 0; bytes < MAX_HEAD_BYTES; at++) {
      const pending = (this.#peeked[at] ??= this.#iterator.next())
      const next = await orAborted(pending, signal)
      if (next === undefined || next.done === true) return undefined
      const first = cutter.cut(next.value).find(({ bytes: line }) => line.length > 0 && line[0] !== HASH)
      if (first !== undefined) return first.bytes
      bytes += next.value.length
    }
    return undefined
  }
}

/** A failure to read is for whoever reads the chunks. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const onAbort = () => resolve(undefined)
    signal.addEventListener('abort', onAbort, { once: true })
    void promise.then(resolve, () => resolve(undefined)).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
