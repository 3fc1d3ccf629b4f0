import type { Queryable } from '../pool.js'
import { logNow } from '../stores/topic-logs.js'

/** A rule as it was stored when it began to decide. */
export interface StoredRule {
  readonly ruleId: string
  readonly version: number
  readonly mode: 'active' | 'shadow'
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
}

export interface PartitionHistory {
  /** Which rules decided, from which offset on; in order. */
  readonly ruleChanges: readonly { readonly fromOffset: number; readonly rules: readonly StoredRule[] }[]
  /** Offsets `[fromOffset, toOffset)` that Kafka no longer had when they were to be read. */
  readonly dataGaps: readonly { readonly fromOffset: number; readonly toOffset: number }[]
  /** Where the detector goes on; null when it has never had the partition. */
  readonly nextOffset: number | null
}

/** What is known about one partition besides its log: enough to decide its records once more. @throws GRD_STORE_* */
export async function readPartitionHistory(db: Queryable, topic: string, partition: number): Promise<PartitionHistory> {
  const of = [topic, partition]
  const changes = await db.query<PartitionHistory['ruleChanges'][number]>(
    `SELECT c.from_offset AS "fromOffset", c.rules FROM detector_rule_changes c
      WHERE c.topic = $1 AND c.kafka_partition = $2 AND c.log = ${logNow('$1')} ORDER BY c.from_offset LIMIT 100000`,
    of,
  )
  const gaps = await db.query<PartitionHistory['dataGaps'][number]>(
    `SELECT g.from_offset AS "fromOffset", g.to_offset AS "toOffset" FROM data_gaps g
      WHERE g.topic = $1 AND g.kafka_partition = $2 AND g.log = ${logNow('$1')} ORDER BY g.from_offset LIMIT 100000`,
    of,
  )
  const checkpoint = await db.query<{ nextOffset: number }>(
    `SELECT c.next_offset AS "nextOffset" FROM detector_checkpoints c WHERE c.topic = $1 AND c.kafka_partition = $2`,
    of,
  )
  return { ruleChanges: changes.rows, dataGaps: gaps.rows, nextOffset: checkpoint.rows[0]?.nextOffset ?? null }
}
