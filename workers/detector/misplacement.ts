import type { TextSlice } from '../../domain/text.js'
import { hashPartition, keyHash, keyHashOfWords } from '../../platform/kafka/key-partition.js'

/** How many partitions a topic has, for records from an offset of one partition on. */
export interface PartitionCount {
  readonly partitions: number
  readonly fromOffset: number
}

/** Records of one producer that are not where their session belongs, or have no key. */
export interface MisplacedSource {
  /** `source` of the events; `other` beyond the limit. */
  readonly source: string
  readonly misplaced: number
  readonly keyless: number
}

/** A session with records on a partition that is not its own: whatever is found about it is incomplete, on either partition. */
export interface MisplacedSession {
  readonly sessionId: string
  readonly records: number
  readonly firstEventMs: number
  readonly lastEventMs: number
}

export interface Misplaced {
  readonly sources: readonly MisplacedSource[]
  readonly sessions: readonly MisplacedSession[]
}

/** Counts of so many producers are kept apart between two checkpoints; and so many sessions are remembered. */
const MAX_SOURCES = 50
const MAX_SESSIONS = 1_000
const MAX_SOURCE_LENGTH = 100
const OTHER = 'other'
const UNKNOWN = 'unknown'

/**
 * Holds the partition of each record against the one that its session belongs to, by the number of partitions that the topic
 * had then. Detection takes for granted that all events of a session are on one partition; a producer with another
 * partitioner, or without keys, makes that untrue without a sign.
 */
export class Misplacement {
  readonly #partition: number
  #counts: readonly PartitionCount[]
  readonly #sources = new Map<string, { misplaced: number; keyless: number }>()
  readonly #sessions = new Map<string, { records: number; firstEventMs: number; lastEventMs: number }>()
  /** Of the newest count: most records are behind its offset. */
  #partitions: number
  #fromOffset: number

  /** @param counts in the order of their offsets, at least one */
  constructor(partition: number, counts: readonly PartitionCount[]) {
    this.#partition = partition
    this.#counts = counts
    const newest = counts.at(-1)
    this.#partitions = newest?.partitions ?? 1
    this.#fromOffset = newest?.fromOffset ?? 0
  }

  get counts(): readonly PartitionCount[] {
    return this.#counts
  }

  /** Has another number of partitions count for records from an offset on. */
  expand(partitions: number, fromOffset: number): void {
    if (partitions === this.#partitions) return
    this.#counts = [...this.#counts, { partitions, fromOffset }].slice(-MAX_COUNTS)
    this.#partitions = partitions
    this.#fromOffset = fromOffset
  }

  /** Whether a session belongs to another partition. */
  isMisplaced(session: TextSlice, offset: number): boolean {
    const hash = hashOf(session)
    if (hashPartition(hash, this.#partitions) === this.#partition) return false
    return offset >= this.#fromOffset || !this.#fitsEarlier(hash, offset)
  }

  /**
   * A record in front of the newest count may also be of that: between an expansion and when it was noticed, both are right.
   */
  #fitsEarlier(hash: number, offset: number): boolean {
    let newest = this.#counts.length - 1
    while (newest > 0 && offset < (this.#counts[newest]?.fromOffset ?? 0)) newest--
    return this.#counts
      .slice(newest, newest + 2)
      .some(({ partitions }) => hashPartition(hash, partitions) === this.#partition)
  }

  /** Counts a record that is misplaced, or has no key. */
  count(
    record: { readonly isMisplaced: boolean; readonly isKeyless: boolean },
    event: { readonly source?: string | undefined; readonly session_id: TextSlice; readonly event_ts: number },
  ): void {
    const name = event.source === undefined || event.source === '' ? UNKNOWN : storable(event.source)
    const key = this.#sources.has(name) || this.#sources.size < MAX_SOURCES ? name : OTHER
    const source = this.#sources.get(key) ?? { misplaced: 0, keyless: 0 }
    if (record.isMisplaced) source.misplaced++
    if (record.isKeyless) source.keyless++
    this.#sources.set(key, source)
    if (record.isMisplaced) this.#remember(String(event.session_id), event.event_ts)
  }

  #remember(sessionId: string, eventMs: number): void {
    const session = this.#sessions.get(sessionId)
    if (session) {
      session.records++
      session.firstEventMs = Math.min(session.firstEventMs, eventMs)
      session.lastEventMs = Math.max(session.lastEventMs, eventMs)
    } else if (this.#sessions.size < MAX_SESSIONS)
      this.#sessions.set(sessionId, { records: 1, firstEventMs: eventMs, lastEventMs: eventMs })
  }

  /** What was counted since the last call. */
  take(): Misplaced {
    const taken = {
      sources: [...this.#sources].map(([source, counts]) => ({ source, ...counts })),
      sessions: [...this.#sessions].map(([sessionId, session]) => ({ sessionId, ...session })),
    }
    this.#sources.clear()
    this.#sessions.clear()
    return taken
  }
}

/** Expansions that are remembered. */
const MAX_COUNTS = 8

/** Cut, and without what PostgreSQL cannot store. */
const storable = (source: string): string => source.slice(0, MAX_SOURCE_LENGTH).replaceAll('\0', '\ufffd')

function hashOf(session: TextSlice): number {
  // Most ids are short and ASCII, and have been read for their key: no byte is looked at twice.
  const { packedLength } = session
  if (packedLength >= 0) return keyHashOfWords(session.words, packedLength)
  const { view } = session
  if (view) return keyHash(view, session.from, session.to)
  const { buffer, byteOffset, byteLength } = Buffer.from(String(session))
  return keyHash(new DataView(buffer, byteOffset, byteLength), 0, byteLength)
}
