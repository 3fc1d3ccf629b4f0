/** One partition as it was found at one look. */
export interface Look {
  readonly topic: string
  readonly partition: number
  /** The offset of the stored checkpoint; undefined before the first. */
  readonly nextOffset: number | undefined
  /** The first offset that is still to be read, and that Kafka has. */
  readonly resumeAt: number
  /** Records behind it that Kafka has. */
  readonly lagRecords: number
}

/** A partition whose checkpoint stands still while there are records behind it. */
export interface Stall extends Look {
  readonly stalledMs: number
}

/** Remembers since when each partition has made no progress. Time comes in: it has no clock of its own. */
export class Progress {
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #seen = new Map<string, { readonly nextOffset: number | undefined; readonly sinceMs: number }>()

  /** Takes in what was found now. @returns the partitions that have work and whose offset is the one of an earlier look */
  look(looks: readonly Look[], nowMs: number): Stall[] {
    const before = this.#seen
    this.#seen = new Map()
    const stalls: Stall[] = []
    for (const look of looks) {
      const name = `${look.topic}/${look.partition}`
      const last = before.get(name)
      const stands = last !== undefined && last.nextOffset === look.nextOffset && look.lagRecords > 0
      const sinceMs = stands ? last.sinceMs : Math.max(nowMs, this.#notBeforeMs)
      this.#seen.set(name, { nextOffset: look.nextOffset, sinceMs })
      if (stands && nowMs > sinceMs) stalls.push({ ...look, stalledMs: nowMs - sinceMs })
    }
    return stalls
  }

  /** What has passed is nobody's fault here: every partition is counted anew, from the given instant on. */
  forgive(notBeforeMs: number): void {
    this.#seen = new Map()
    this.#notBeforeMs = notBeforeMs
  }
}
