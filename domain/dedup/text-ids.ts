import { heldBytes } from '../text.js'

/** Of an event whose id is a text: its event time, and the hash of its contents. */
export interface TextEntry {
  readonly eventMs: number
  readonly contents: number
}

/** An entry with its key, as it is handed over. */
export type StoredText = readonly [key: string, eventMs: number, contents: number]

const FIRST_PURGE = 1_024
/** What an entry takes besides its key. */
const ENTRY_BYTES = 32

/** Events by a text, until the watermark has passed them. */
export class TextIds {
  readonly #entries = new Map<string, TextEntry>()
  readonly #added = new Set<string>()
  #bytes = 0
  #purgeAt = FIRST_PURGE

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns the entry, unless the watermark has passed it */
  live(key: string, watermarkMs: number): TextEntry | undefined {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.eventMs >= watermarkMs ? entry : undefined
  }

  add(key: string, entry: TextEntry, watermarkMs: number): void {
    if (this.#entries.size >= this.#purgeAt) this.purge(watermarkMs)
    this.set(key, entry)
    this.#added.add(key)
  }

  /** The same for an entry that was handed over before. */
  set(key: string, entry: TextEntry): void {
    if (!this.#entries.has(key)) this.#bytes += heldBytes(key) + ENTRY_BYTES
    this.#entries.set(key, entry)
  }

  /** Hands over what was added since the last call and is live. */
  takeAdded(watermarkMs: number): StoredText[] {
    const taken = [...this.#added].flatMap((key): StoredText[] => {
      const entry = this.live(key, watermarkMs)
      return entry ? [[key, entry.eventMs, entry.contents]] : []
    })
    this.#added.clear()
    return taken
  }

  /** Hands over all that is live. */
  takeAll(watermarkMs: number): StoredText[] {
    this.purge(watermarkMs)
    this.#added.clear()
    return [...this.#entries].map(([key, { eventMs, contents }]) => [key, eventMs, contents])
  }

  purge(watermarkMs: number): void {
    for (const [key, { eventMs }] of this.#entries) {
      if (eventMs >= watermarkMs) continue
      this.#entries.delete(key)
      this.#bytes -= heldBytes(key) + ENTRY_BYTES
      this.#added.delete(key)
    }
    this.#purgeAt = Math.max(FIRST_PURGE, this.#entries.size * 2)
  }
}
