import { createHash } from 'node:crypto'

/**
 * Event ids that a log gives again when it is read again: a hash of the line and of its number among equal lines.
 * Equal lines have equal times and so come one after the other, once they are in order: only the lines of the current
 * second are remembered.
 */
export class LineIds {
  #atMs = Number.NaN
  readonly #seen = new Map<string, number>()

  /** @returns an id in the shape of a UUID, lower case */
  idOf(line: Buffer, atMs: number): string {
    if (atMs !== this.#atMs) {
      this.#atMs = atMs
      this.#seen.clear()
    }
    const digest = createHash('sha256').update(line).digest('hex')
    const occurrence = this.#seen.get(digest) ?? 0
    this.#seen.set(digest, occurrence + 1)
    const hex = occurrence === 0 ? digest : createHash('sha256').update(`${digest} ${occurrence}`).digest('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }
}
