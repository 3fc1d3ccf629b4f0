/** The first offset of each partition whose record was appended at an instant or later; the log's end when none was. */
export type OffsetsAt = (instantMs: number) => Promise<ReadonlyMap<number, number>>

export interface AppendTimeSearch {
  readonly nowMs: number
  /** Older records count as being so old. */
  readonly oldestAgeMs: number
  /** How often Kafka may be asked. */
  readonly maxQuestions: number
}

interface Bounds {
  youngerMs: number
  olderMs: number
}

/** An age is known well enough when it is known to 2 %, or to this. */
const FINE_MS = 10
const FINE_RATIO = 1.02

/**
 * Finds out how long ago records were appended without reading them: Kafka tells which offset a time has, so the time of
 * an offset is found by halving. One answer tells something about every partition.
 * @param wanted offsets by partition, of records that are in the log
 * @returns the age of each in ms, at most 2 % (or 10 ms) more than it is
 */
export async function findAppendAges(
  offsetsAt: OffsetsAt,
  wanted: ReadonlyMap<number, number>,
  { nowMs, oldestAgeMs, maxQuestions }: AppendTimeSearch,
): Promise<Map<number, number>> {
  const bounds = new Map<number, Bounds>(
    [...wanted.keys()].map((partition) => [partition, { youngerMs: 1, olderMs: oldestAgeMs }]),
  )
  for (let asked = 0; asked < maxQuestions; asked++) {
    const vague = [...bounds.values()].find(isVague)
    if (!vague) break
    const ageMs = Math.round(Math.sqrt(vague.youngerMs * vague.olderMs))
    const offsets = await offsetsAt(nowMs - ageMs)
    for (const [partition, at] of bounds) {
      const isYounger = (offsets.get(partition) ?? Number.POSITIVE_INFINITY) <= (wanted.get(partition) ?? -1)
      if (isYounger) at.olderMs = Math.min(at.olderMs, ageMs)
      else at.youngerMs = Math.max(at.youngerMs, ageMs)
    }
  }
  return new Map([...bounds].map(([partition, { olderMs }]) => [partition, olderMs]))
}

const isVague = ({ youngerMs, olderMs }: Bounds): boolean =>
  olderMs - youngerMs > FINE_MS && olderMs / youngerMs > FINE_RATIO
