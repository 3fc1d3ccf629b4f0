import type { AnomalyBurst } from '../../domain/alerting/kinds/anomaly-burst.js'
import type { WatchedGaps } from '../../domain/alerting/kinds/data-gaps.js'
import type { WatchedMisplaced } from '../../domain/alerting/kinds/misplaced-records.js'
import type { FailedRuns } from '../../domain/alerting/kinds/pipeline-runs.js'
import type { WatchedQuarantine } from '../../domain/alerting/kinds/quarantine.js'
import type { ReconciledDifference } from '../../domain/alerting/kinds/reconciliation.js'
import type { WatchedCollisions } from '../../domain/alerting/kinds/event-collisions.js'
import type { Queryable } from '../pool.js'
import { countsAsFlagged } from './review.js'

/** Above what there can be: partitions times causes, workflows, rules. */
const LIMIT = 10_000

const GAPS = `
SELECT g.topic, g.kafka_partition AS "kafkaPartition", g.cause, count(*) AS gaps,
       sum(g.to_offset - g.from_offset)::bigint AS offsets, min(g.from_offset) AS "firstOffset"
  FROM (SELECT d.topic, d.kafka_partition, d.cause, d.from_offset, d.to_offset, d.detected_ts FROM data_gaps d
        UNION ALL
        SELECT a.topic, a.kafka_partition, 'not archived', a.from_offset, a.to_offset, a.detected_ts FROM archive_gaps a) g
 WHERE g.detected_ts >= $1 AND g.detected_ts < $2
 GROUP BY g.topic, g.kafka_partition, g.cause ORDER BY g.topic, g.kafka_partition, g.cause LIMIT ${LIMIT}`

const MISPLACED = `
SELECT m.topic, m.source, sum(m.misplaced)::bigint AS misplaced, sum(m.keyless)::bigint AS keyless
  FROM misplaced_sources m
 GROUP BY m.topic, m.source HAVING max(m.last_ts) >= $1 AND max(m.last_ts) < $2 ORDER BY m.topic, m.source LIMIT 100`

/** A reconciliation that found something is told of by its own source. */
const RUNS = `
SELECT r.workflow_type AS "workflowType", count(*) AS runs,
       (array_agg(r.workflow_id ORDER BY r.ended_ts DESC))[1] AS "workflowId",
       coalesce((array_agg(r.details->>'reason' ORDER BY r.ended_ts DESC))[1], '') AS reason,
       (array_agg(r.details->>'day' ORDER BY r.ended_ts DESC))[1] AS day
  FROM pipeline_runs r WHERE r.status = 'failed' AND r.ended_ts >= $1 AND r.ended_ts < $2
   AND NOT EXISTS (SELECT FROM reconciliations c WHERE r.workflow_type = 'reconcile' AND c.day::text = r.details->>'day'
         AND c.missing + c.extra + c.different > 0 AND c.reconciled_ts >= r.started_ts AND c.reconciled_ts <= r.ended_ts)
 GROUP BY r.workflow_type ORDER BY r.workflow_type LIMIT ${LIMIT}`

const DIFFERENCES = `
SELECT c.day::text AS day, c.expected_rows AS expected, c.missing, c.extra, c.different
  FROM reconciliations c
 WHERE c.reconciled_ts >= $1 AND c.reconciled_ts < $2 AND c.missing + c.extra + c.different > 0
 ORDER BY c.day LIMIT ${LIMIT}`

/** Windows of the last hours only: older ones that are flagged now come from a log that is read again. */
const BURSTS = `
SELECT a.rule_id AS "ruleId", count(DISTINCT a.session_id) AS sessions
  FROM anomaly_sessions a
 WHERE a.window_start >= $1::timestamptz - interval '2 hours' AND a.window_start < $2::timestamptz + interval '1 hour'
   AND a.mode = 'active' AND a.status <> 'retracted' AND a.db_write_ts >= $1 AND a.db_write_ts < $2
   AND ${countsAsFlagged('a')}
 GROUP BY a.rule_id ORDER BY a.rule_id LIMIT ${LIMIT}`

const COLLISIONS = `
SELECT c.topic, sum(c.events)::bigint AS events, (array_agg(c.kafka_partition ORDER BY c.detected_ts))[1] AS "samplePartition",
       (array_agg(c.sample_offset ORDER BY c.detected_ts))[1] AS "sampleOffset"
  FROM event_collisions c WHERE c.detected_ts >= $1 AND c.detected_ts < $2 GROUP BY c.topic ORDER BY c.topic LIMIT ${LIMIT}`

const WAITING = `
SELECT q.topic, count(*) AS records, count(DISTINCT q.day) AS days, min(q.day)::text AS "firstDay", max(q.day)::text AS "lastDay",
       (array_agg(q.kafka_partition ORDER BY q.found_ts))[1] AS "samplePartition",
       (array_agg(q.kafka_offset ORDER BY q.found_ts))[1] AS "sampleOffset",
       (array_agg(q.source ORDER BY q.found_ts))[1] AS "sampleSource", (array_agg(q.reason ORDER BY q.found_ts))[1] AS "sampleReason",
       (array_agg(q.field ORDER BY q.found_ts))[1] AS "sampleField"
  FROM kpi_quarantine q WHERE q.state = 'quarantined' GROUP BY q.topic ORDER BY q.topic`

const CHECKPOINTS = { detector: 'detector_checkpoints', archiver: 'archive_checkpoints' } as const

const positionsIn = (table: (typeof CHECKPOINTS)[keyof typeof CHECKPOINTS]): string => `
SELECT c.topic, c.kafka_partition AS "kafkaPartition", c.next_offset AS "nextOffset"
  FROM ${table} c ORDER BY c.topic, c.kafka_partition LIMIT ${LIMIT}`

/** Data gaps of detector and archiver recorded in [from, to), by partition and cause. @throws GRD_STORE_* */
export const readGaps = async (db: Queryable, from: Date, to: Date): Promise<WatchedGaps[]> =>
  (await db.query<WatchedGaps>(GAPS, [from, to])).rows

/** Producers of records on a wrong partition, or without a key, that were read in [from, to). @throws GRD_STORE_* */
export const readMisplaced = async (db: Queryable, from: Date, to: Date): Promise<WatchedMisplaced[]> =>
  (await db.query<WatchedMisplaced>(MISPLACED, [from, to])).rows

/** Runs that failed in [from, to), by workflow. @throws GRD_STORE_* */
export const readFailedRuns = async (db: Queryable, from: Date, to: Date): Promise<FailedRuns[]> =>
  (await db.query<FailedRuns>(RUNS, [from, to])).rows

/** Days that were reconciled in [from, to) and have differences. @throws GRD_STORE_* */
export const readDifferences = async (db: Queryable, from: Date, to: Date): Promise<ReconciledDifference[]> =>
  (await db.query<ReconciledDifference>(DIFFERENCES, [from, to])).rows

/** Sessions flagged in [from, to), by rule. @throws GRD_STORE_* */
export const readBursts = async (db: Queryable, from: Date, to: Date): Promise<AnomalyBurst[]> =>
  (await db.query<AnomalyBurst>(BURSTS, [from, to])).rows

/** Collisions counted in [from, to), by topic. @throws GRD_STORE_* */
export const readCollisions = async (db: Queryable, from: Date, to: Date): Promise<WatchedCollisions[]> =>
  (await db.query<WatchedCollisions>(COLLISIONS, [from, to])).rows

/** Quarantined records on which nobody has decided yet, by topic. @throws GRD_STORE_* */
export const readWaitingRecords = async (db: Queryable): Promise<WatchedQuarantine[]> =>
  (await db.query<WatchedQuarantine>(WAITING)).rows

export interface ReaderPosition {
  readonly topic: string
  readonly kafkaPartition: number
  readonly nextOffset: number
}

/** Up to where a reader of the log has come, as of its last checkpoints. @throws GRD_STORE_* */
export const readPositions = async (db: Queryable, reader: keyof typeof CHECKPOINTS): Promise<ReaderPosition[]> =>
  (await db.query<ReaderPosition>(positionsIn(CHECKPOINTS[reader]))).rows
