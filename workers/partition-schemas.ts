import { REPLAY_ID_HEADER } from '../domain/dead-letters/replay.js'
import type { PartitionName } from '../db/stores/partition-name.js'
import { schemaIdOf } from '../platform/avro/codec.js'
import type { RecordHeaders } from '../platform/kafka/last-header.js'
import type { EventDecoder } from './detector/event-decoder.js'

/** Decides, for detector and archiver together, from which offset on the records of a schema id are read. */
export interface SchemaReadings {
  /** Records of these ids are read from now on. @returns by id, the offset before which they have been refused */
  readonly read: (name: PartitionName, ids: readonly number[]) => Promise<ReadonlyMap<number, number>>
  /**
   * Refuses the records of these ids before an offset, unless somebody reads them already.
   * @returns by id, the offset before which they are refused; ids that somebody reads are missing
   */
  readonly refuse: (
    name: PartitionName,
    ids: readonly number[],
    toOffset: number,
  ) => Promise<ReadonlyMap<number, number>>
}

export interface SchemaPatience {
  /** How long a partition waits for the registry to have an id that it has just seen for the first time, in ms. */
  readonly waitMs: number
}

/** A record, as far as its schema is concerned. */
interface SchemaRecords {
  readonly length: number
  readonly schemaIdAt: (i: number) => number | undefined
  readonly headersAt: (i: number) => RecordHeaders | undefined
}

/** A partition waits for unknown ids at most once in this time: a flood of made-up ones must not stop it. */
const WAIT_ONCE_IN_MS = 30_000
/** While a partition waits, and for records that were sent back because their id is known now. */
const RECHECK_SOON_MS = 500
/** An id that the other process has found, and that does not come here either in this time, has been deleted meanwhile. */
const CONTESTED_FOR_MS = 30_000
/** How long a waiting partition is left alone. */
export const SCHEMA_HOLD_MS = 250

/**
 * The schema ids of one partition: which records can be decoded, and which are dead letters because the registry did not
 * have their id when they were first read. That depends on when the registry was asked, so it is decided once for each
 * record, in PostgreSQL, and holds for detector and archiver, and after a restart.
 */
export class PartitionSchemas {
  readonly #name: PartitionName
  readonly #decoder: EventDecoder
  readonly #readings: SchemaReadings
  readonly #patience: SchemaPatience
  readonly #nowMs: () => number
  /** Ids about which nothing is left to decide. */
  readonly #settled = new Set<number>()
  /** By id: the offset before which records are dead letters. */
  readonly #refusedTo = new Map<number, number>()
  /** By id that the other process has found in the registry, and this one has not: since when. */
  readonly #contested = new Map<number, number>()
  #waitBeganMs = Number.NEGATIVE_INFINITY

  constructor(
    name: PartitionName,
    decoder: EventDecoder,
    readings: SchemaReadings,
    patience: SchemaPatience,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#name = name
    this.#decoder = decoder
    this.#readings = readings
    this.#patience = patience
    this.#nowMs = nowMs
  }

  /** Whether there are records that must not be decoded. */
  get refusesAny(): boolean {
    return this.#refusedTo.size > 0
  }

  /** Whether a record is a dead letter though its schema may be known by now. */
  refuses(schemaId: number | undefined, offset: number): boolean {
    return schemaId !== undefined && offset < (this.#refusedTo.get(schemaId) ?? 0)
  }

  /**
   * Decides about the ids of records that are to be decided next. Cheap when nothing is new.
   * @param fromOffset of the first record that has not been decided
   * @param toOffset behind the last record
   * @returns how many of the records can be decided now; the others wait for the registry
   * @throws PlatformError REGISTRY_UNAVAILABLE; GRD_STORE_*
   */
  async settle(records: SchemaRecords, fromOffset: number, toOffset: number): Promise<number> {
    const open = this.#openIds(records)
    if (open.size === 0) return records.length
    const due = [...open].filter(([id, isReplayed]) => this.#decoder.isDue(id, this.#maxAgeMs(id, isReplayed)))
    await this.#decoder.learnAll(due.map(([id]) => id))
    const [readable, unknown]: [number[], number[]] = [[], []]
    for (const id of open.keys()) {
      const state = this.#decoder.stateOf(id)
      if (state === 'readable') readable.push(id)
      else if (state === 'unknown') unknown.push(id)
      else this.#settled.add(id) // no event: a dead letter whoever asks, and whenever
    }
    if (readable.length > 0) this.#accept(await this.#readings.read(this.#name, readable), fromOffset)
    const awaited = unknown.filter((id) => this.#mustWait(id))
    const given = unknown.filter((id) => !awaited.includes(id))
    if (given.length > 0) awaited.push(...(await this.#refuse(given, toOffset)))
    return awaited.length === 0 ? records.length : firstOf(records, new Set(awaited))
  }

  #accept(refusedTo: ReadonlyMap<number, number>, fromOffset: number): void {
    for (const [id, offset] of refusedTo) {
      this.#settled.add(id)
      this.#contested.delete(id)
      if (offset > fromOffset) this.#refusedTo.set(id, offset)
      else this.#refusedTo.delete(id)
    }
  }

  /** @returns the ids that somebody else has found in the registry: it has to be asked again */
  async #refuse(ids: readonly number[], toOffset: number): Promise<number[]> {
    const refusedTo = await this.#readings.refuse(this.#name, ids, toOffset)
    for (const [id, offset] of refusedTo) this.#refusedTo.set(id, offset)
    const nowMs = this.#nowMs()
    return ids.filter((id) => {
      if (refusedTo.has(id)) return false
      const sinceMs = this.#contested.get(id) ?? nowMs
      this.#contested.set(id, sinceMs)
      return nowMs - sinceMs < CONTESTED_FOR_MS
    })
  }

  /** Ids that are not settled, and whether a record of theirs was sent back. */
  #openIds(records: SchemaRecords): Map<number, boolean> {
    const open = new Map<number, boolean>()
    let lastSettled: number | undefined
    for (let i = 0; i < records.length; i++) {
      const id = records.schemaIdAt(i)
      if (id === undefined || id === lastSettled) continue
      if (this.#settled.has(id)) {
        lastSettled = id
        continue
      }
      const isReplayed = open.get(id) === true || records.headersAt(i)?.[REPLAY_ID_HEADER] !== undefined
      open.set(id, isReplayed)
    }
    return open
  }

  #maxAgeMs(id: number, isReplayed: boolean): number | undefined {
    return isReplayed || this.#isYoung(id) || this.#contested.has(id) ? RECHECK_SOON_MS : undefined
  }

  #isYoung(id: number): boolean {
    return (this.#decoder.unknownForMs(id) ?? Number.POSITIVE_INFINITY) < this.#patience.waitMs
  }

  #mustWait(id: number): boolean {
    if (!this.#isYoung(id)) return false
    const nowMs = this.#nowMs()
    if (nowMs - this.#waitBeganMs >= WAIT_ONCE_IN_MS) this.#waitBeganMs = nowMs
    return nowMs - this.#waitBeganMs < this.#patience.waitMs
  }
}

function firstOf({ length, schemaIdAt }: SchemaRecords, ids: ReadonlySet<number>): number {
  for (let i = 0; i < length; i++) {
    const id = schemaIdAt(i)
    if (id !== undefined && ids.has(id)) return i
  }
  return length
}

/** The records of a batch that are held one by one. */
export const schemaRecords = (
  records: readonly { readonly value: Buffer | null; readonly headers?: RecordHeaders | undefined }[],
): SchemaRecords => ({
  length: records.length,
  schemaIdAt: (i) => {
    const value = records[i]?.value
    return value ? schemaIdOf(value) : undefined
  },
  headersAt: (i) => records[i]?.headers,
})
