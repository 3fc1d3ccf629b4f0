import { isSelected, type DeadLetter, type DeadLetterFilter } from '../../domain/dead-letters/replay.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import type { LogRecord } from './session-log.js'

/** A dead letter as far as a page shows it. */
export type Letter = DeadLetter & {
  readonly fault: string | undefined
  readonly bytes: number
  /** Its beginning. */
  readonly head: Buffer | null
  /** All of it; null when it is large. */
  readonly value: Buffer | null
}

/** So much of a value is shown as it is. */
const HEAD_BYTES = 4_096
/** A page ends behind so many bytes of values, if it has one letter. */
const MAX_PAGE_BYTES = 1_048_576
/** A larger value is not decoded. */
const MAX_VALUE_BYTES = MAX_PAGE_BYTES / 16

/** The part of a partition that one request reads: `from` and all up to `to`, which is no longer part of it. */
export interface PartToRead {
  readonly partition: number
  /** The first offset that Kafka still has. */
  readonly low: number
  readonly from: number
  readonly to: number
}

/** What was read of a part: the newest letters that are selected, the oldest of them first. */
class PartLetters {
  readonly part: PartToRead
  readonly #filter: DeadLetterFilter
  readonly #limit: number
  #kept: Letter[] = []
  #keptBytes = 0
  #hasDropped = false
  #lowestTaken: number | undefined
  #oldestMs: number | undefined

  constructor(part: PartToRead, filter: DeadLetterFilter, limit: number) {
    this.part = part
    this.#filter = filter
    this.#limit = limit
  }

  /** @returns the letter, if it is selected */
  add(record: LogRecord): Letter | undefined {
    this.#oldestMs ??= Number(record.timestamp)
    const letter = letterOf(this.part.partition, record)
    if (!isSelected(this.#filter, letter)) return undefined
    this.#kept.push(letter)
    this.#keptBytes += letter.value?.length ?? 0
    while (this.#kept.length > this.#limit || (this.#keptBytes > MAX_PAGE_BYTES && this.#kept.length > 1)) {
      this.#keptBytes -= this.#kept.shift()?.value?.length ?? 0
      this.#hasDropped = true
    }
    return letter
  }

  /** Whether nothing before the part could be selected. */
  get isLast(): boolean {
    const { low, from } = this.part
    const { fromMs } = this.#filter
    return from <= low || (fromMs !== undefined && this.#oldestMs !== undefined && this.#oldestMs < fromMs)
  }

  /** What is older than this may be older than what lies before the part. */
  get horizonMs(): number {
    return this.isLast ? -Infinity : (this.#oldestMs ?? Infinity)
  }

  /** Whether there are letters left, but older than those that are kept. */
  get isCutOff(): boolean {
    return this.#kept.length === 0 && this.#hasDropped
  }

  get newest(): Letter | undefined {
    return this.#kept.at(-1)
  }

  take(): Letter | undefined {
    const letter = this.#kept.pop()
    this.#lowestTaken = letter?.offset ?? this.#lowestTaken
    return letter
  }

  /** Where the next page reads up to; `low` when there is nothing left. */
  get next(): number {
    if (this.newest !== undefined) return this.newest.offset + 1
    if (this.#hasDropped) return this.#lowestTaken ?? this.part.to
    return this.isLast ? this.part.low : this.part.from
  }
}

/** One page of dead letters over all partitions, newest first, and where the next one begins. */
export class DeadLetterPage {
  readonly #parts: readonly PartLetters[]
  readonly #limit: number
  readonly #counts = new Map<string, { code: string | null; topic: string | null; records: number }>()

  constructor(parts: readonly PartToRead[], filter: DeadLetterFilter, limit: number) {
    this.#parts = parts.map((part) => new PartLetters(part, filter, limit))
    this.#limit = limit
  }

  /** @param records of one part, in the order of the log */
  add(partition: number, records: readonly LogRecord[]): void {
    const letters = this.#parts.find(({ part }) => part.partition === partition)
    for (const record of records) {
      const letter = letters?.add(record)
      if (letter === undefined) continue
      const name = JSON.stringify([letter.code, letter.topic])
      const cause = this.#counts.get(name) ?? { code: letter.code ?? null, topic: letter.topic ?? null, records: 0 }
      this.#counts.set(name, { ...cause, records: cause.records + 1 })
    }
  }

  /** Of all selected letters that were read, the most frequent first. */
  causes() {
    return [...this.#counts.values()].sort((a, b) => b.records - a.records).slice(0, 100)
  }

  /**
   * The letters of the page, once all parts were read; may be none, with others on the next page. A letter that could be
   * older than one that was not read yet waits for it.
   */
  take(): Letter[] {
    const horizonMs = Math.max(-Infinity, ...this.#parts.map((part) => part.horizonMs))
    const taken: Letter[] = []
    for (let bytes = 0; taken.length < this.#limit;) {
      const newest = this.#parts.reduce<PartLetters | undefined>(newer, undefined)
      const letter = newest?.newest
      if (letter === undefined || letter.appendMs < horizonMs) break
      bytes += letter.value?.length ?? 0
      if (bytes > MAX_PAGE_BYTES && taken.length > 0) break
      newest?.take()
      taken.push(letter)
      if (newest?.isCutOff === true) break
    }
    return taken
  }

  /** Where the next page reads up to, partition by partition; null when there is none. After `take`. */
  next(): number[] | null {
    if (this.#parts.every(({ next, part }) => next <= part.low)) return null
    const byPartition = new Map(this.#parts.map(({ part, next }) => [part.partition, next]))
    return Array.from(
      { length: Math.max(...byPartition.keys()) + 1 },
      (_, partition) => byPartition.get(partition) ?? 0,
    )
  }
}

const newer = (best: PartLetters | undefined, one: PartLetters): PartLetters | undefined =>
  (one.newest?.appendMs ?? -1) >= (best?.newest?.appendMs ?? -1) ? one : best

function letterOf(partition: number, { offset, timestamp, headers, value }: LogRecord): Letter {
  const attempts = Number(lastHeader(headers, 'guardian.replay.attempt') ?? 0)
  const bytes = value?.length ?? 0
  return {
    ...{ partition, offset: Number(offset), appendMs: Number(timestamp), bytes },
    code: lastHeader(headers, 'guardian.error.code'),
    topic: lastHeader(headers, '__connect.errors.topic'),
    fault: lastHeader(headers, '__connect.errors.exception.message'),
    attempts: Number.isSafeInteger(attempts) && attempts >= 0 ? attempts : 0,
    // Copies: a value pins the whole fetch that it came in.
    head: value && Buffer.from(value.subarray(0, HEAD_BYTES)),
    value: value && bytes <= MAX_VALUE_BYTES ? Buffer.from(value) : null,
  }
}
