import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import type { Database } from '../../db/pool.js'
import { DayPartitions, upsertAnomalies, type AnomalyRow } from '../../db/stores/anomaly-rows.js'
import type { Evidence } from '../../domain/detection/anomaly.js'
import { GuardianError, isRetryable } from '../../domain/errors.js'
import { startOfDayMs, type UtcDay } from '../../domain/utc-day.js'
import { TOPICS } from '../../domain/events.js'

/** What one writer has come to. */
export interface Written {
  rows: number
  longestMs: number
}

const EVIDENCE: Evidence = {
  rule: { kind: 'HIGH_FREQUENCY', version: 1, parameters: {} },
  observed: { events: 50, distinct_items: 7 },
  threshold: { min_events: 50, max_distinct_items: null },
  first_event_id: 'e1',
  last_event_id: 'e50',
  crossed: { event_id: 'e50', offset: 50, events: 50, distinct_items: 7 },
}
const RULE = { ruleId: 'HIGH_FREQUENCY', ruleVersion: 1, mode: 'active', status: 'confirmed' } as const

const isMissing = (error: unknown): boolean => error instanceof GuardianError && error.code === 'GRD_PARTITION_MISSING'

/** Anomalies as the detector writes them, and readers, on a table whose partitions come and go. */
export class PartitionLoad {
  readonly #db: Database
  readonly #random: SeededRandom
  #offset = 0
  #isOver = false

  constructor(db: Database, seed: number) {
    this.#db = db
    this.#random = new SeededRandom(seed, 8)
  }

  /** Ends every writer and reader, when each has done what it was at. */
  end(): void {
    this.#isOver = true
  }

  /**
   * Writes one row after the other by the detector's own way, each again until it is stored.
   * @param dayOf the day that the next row is of
   */
  async write(written: Written, pauseMs: number, dayOf: () => UtcDay): Promise<void> {
    const days = new DayPartitions()
    while (!this.#isOver) {
      const row = this.#rowOf(dayOf())
      const startedAt = performance.now()
      while (!(await this.#stores(days, row))) await sleep(20)
      written.rows++
      written.longestMs = Math.max(written.longestMs, performance.now() - startedAt)
      await sleep(pauseMs)
    }
  }

  async #stores(days: DayPartitions, row: AnomalyRow): Promise<boolean> {
    try {
      await days.ensureFor(this.#db, [row])
      await upsertAnomalies(this.#db, [row])
      return true
    } catch (error) {
      days.forgetOn(error)
      if (!isRetryable(error) && !isMissing(error)) throw error
      return false
    }
  }

  /** Reads the whole table in transactions of up to `longestMs`, with pauses that are as long. */
  async read(longestMs: number): Promise<number> {
    let reads = 0
    for (; !this.#isOver; reads++) {
      const reader = await this.#db.checkOut()
      await reader.query('BEGIN')
      await reader.query('SELECT count(*) FROM anomaly_sessions')
      await sleep(this.#random.whole(0, longestMs))
      await reader.query('COMMIT')
      reader.release()
      await sleep(this.#random.whole(0, longestMs))
    }
    return reads
  }

  #rowOf(day: UtcDay): AnomalyRow {
    const offset = this.#offset++
    const startMs = startOfDayMs(day) + this.#random.whole(0, 8_639) * 10_000
    return {
      topic: TOPICS.clicks,
      partition: 0,
      detectedMs: startMs,
      anomaly: {
        ...RULE,
        sessionId: `s${offset}`,
        userId: null,
        windowStartMs: startMs,
        windowEndMs: startMs + 10_000,
        eventCount: 50,
        distinctItems: 7,
        firstOffset: offset,
        lastOffset: offset,
        asOfOffset: offset,
        producedMs: startMs,
        kafkaMs: startMs,
        evidence: EVIDENCE,
      },
    }
  }
}
