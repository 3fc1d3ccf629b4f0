/** Over how long the pace is measured. */
const PACE_MS = 10_000
/** It is measured from samples that are at least so far apart, so that few are kept however small the batches are. */
const SAMPLE_EVERY_MS = 100

interface Sample {
  readonly atMs: number
  readonly nextOffset: number
}

/** How far one partition is behind its log, as its detector sees it. Time comes in: it has no clock of its own. */
export class PartitionLag {
  #nextOffset = 0
  #highWatermark = 0
  #nextAppendMs = 0
  #samples: Sample[] = []

  /**
   * A fetch has shown the next record.
   * @param nextAppendMs its log append time
   */
  fetched(nextOffset: number, nextAppendMs: number, highWatermark: number, nowMs: number): void {
    if (this.#samples.length === 0) this.#samples.push({ atMs: nowMs, nextOffset })
    this.#nextOffset = nextOffset
    this.#nextAppendMs = nextAppendMs
    this.#highWatermark = highWatermark
  }

  /**
   * Records have been decided. Until the next fetch shows the one that follows them, it counts as appended with the last.
   * @param lastAppendMs the log append time of the last record decided
   */
  processed(nextOffset: number, lastAppendMs: number, nowMs: number): void {
    this.#nextOffset = nextOffset
    this.#nextAppendMs = lastAppendMs
    const last = this.#samples.at(-1)
    if (last && nowMs - last.atMs < SAMPLE_EVERY_MS) return
    this.#samples.push({ atMs: nowMs, nextOffset })
    this.#forget(nowMs)
  }

  get records(): number {
    return Math.max(0, this.#highWatermark - this.#nextOffset)
  }

  /** Since Kafka got the next record that is not processed; 0 when there is none. */
  seconds(nowMs: number): number {
    return this.records === 0 ? 0 : Math.max(0, nowMs - this.#nextAppendMs) / 1_000
  }

  /** Records a second over the last ten seconds; less and less while nothing moves. */
  pace(nowMs: number): number {
    this.#forget(nowMs)
    const first = this.#samples[0]
    if (!first || nowMs <= first.atMs) return 0
    return (this.#nextOffset - first.nextOffset) / ((nowMs - first.atMs) / 1_000)
  }

  /** How long the backlog takes at the recent pace, if nothing more comes; infinite while nothing moves. */
  secondsToClear(nowMs: number): number {
    return this.records === 0 ? 0 : this.records / this.pace(nowMs)
  }

  /** Keeps what is recent, and one sample before it to measure from. */
  #forget(nowMs: number): void {
    const firstRecent = this.#samples.findIndex(({ atMs }) => atMs >= nowMs - PACE_MS)
    const keepFrom = firstRecent === -1 ? this.#samples.length - 1 : firstRecent - 1
    if (keepFrom > 0) this.#samples.splice(0, keepFrom)
  }
}
