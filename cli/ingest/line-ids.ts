import { hash } from 'node:crypto'

const MAX_PREFIX_BYTES = 1_024
const INITIAL_LINE_BYTES = 65_536

/**
 * Event ids that a log gives again when it is read again: a hash of the server's name, the line, and its number among the
 * equal lines of its file. Equal lines have equal times and so come one after the other, once they are in order: only
 * the lines of the current second are remembered.
 */
export class LineIds {
  readonly #prefix: Buffer
  #scratch: Buffer
  #atMs = Number.NaN
  readonly #seen = new Map<string, number>()

  /** @param server whose log it is: the same line of another server is another request */
  constructor(server: string) {
    this.#prefix = Buffer.from(`${server}\n`).subarray(0, MAX_PREFIX_BYTES)
    this.#scratch = Buffer.alloc(INITIAL_LINE_BYTES)
    this.#prefix.copy(this.#scratch)
  }

  /** @returns an id in the shape of a UUID, lower case */
  idOf(line: Buffer, atMs: number): string {
    if (atMs !== this.#atMs) {
      this.#atMs = atMs
      this.#seen.clear()
    }
    const digest = this.#digestOf(line)
    const occurrence = this.#seen.get(digest) ?? 0
    this.#seen.set(digest, occurrence + 1)
    const hex = occurrence === 0 ? digest : hash('sha256', `${digest} ${occurrence}`)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  #digestOf(line: Buffer): string {
    const from = this.#prefix.length
    if (from + line.length > this.#scratch.length) {
      this.#scratch = Buffer.alloc(from + 2 * line.length)
      this.#prefix.copy(this.#scratch)
    }
    this.#scratch.set(line, from)
    return hash('sha256', this.#scratch.subarray(0, from + line.length))
  }
}
