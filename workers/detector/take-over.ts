import { PartitionDetector, type DetectorPolicy } from '../../domain/detection/partition-detector.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { restoreDetector } from '../../domain/detection/snapshot/restore.js'
import type { Database } from '../../db/pool.js'
import { recordDataGap, takePartition, type DataGap } from '../../db/stores/checkpoints.js'
import type { PartitionName } from '../../db/stores/partition-name.js'
import type { Logger } from '../../platform/logger.js'
import { takeFromLog, type LogPositions } from '../log-positions.js'
import { forgetUnreadSchemas } from '../../db/stores/schema-readings.js'
import type { PartitionSchemas } from '../partition-schemas.js'
import type { EventDecoder } from './event-decoder.js'
import type { PartitionCount } from './misplacement.js'
import { PartitionOwner, type CountingPolicy } from './partition-owner.js'
import { unseal } from './seal.js'

export interface TakeOverDeps extends LogPositions {
  readonly db: Database
  readonly policy: DetectorPolicy
  readonly counting: CountingPolicy
  /** Who this process is, for people. */
  readonly ownerName: string
  readonly decoderOf: (topic: string) => EventDecoder
  readonly schemasOf: (name: PartitionName, decoder: EventDecoder) => PartitionSchemas
  readonly metrics: { dataGap(gap: DataGap): void }
  readonly log: Logger
}

/** The stored counts, and the one that the topic has now, if it is another, for records that are not in the log yet. */
function countsNow(stored: readonly PartitionCount[], partitions: number, end: number): readonly PartitionCount[] {
  const newest = stored.at(-1)
  if (newest?.partitions === partitions) return stored
  return [...stored, { partitions, fromOffset: newest ? end : 0 }]
}

/**
 * Takes a partition from whoever had it, with its state. Offsets that Kafka no longer has are recorded as a gap, and
 * never stepped over in silence.
 * @throws GRD_SNAPSHOT_REFUSED when the stored state is damaged; GRD_DATA_GAP when the log is shorter than the
 * checkpoint says, or is another one under the same name; GRD_STORE_*
 */
export async function takeOver(deps: TakeOverDeps, name: PartitionName): Promise<PartitionOwner> {
  const { db, log } = deps
  const { taken, offsets } = await takeFromLog(deps, name, (from) => takePartition(db, name, deps.ownerName, from))
  const { low, high } = offsets
  const label = `${name.topic}/${name.partition}`
  await forgetUnreadSchemas(db, name)
  const lastAppendMs = taken.lastAppendTs?.getTime() ?? Number.NEGATIVE_INFINITY
  let nextOffset = taken.nextOffset
  if (nextOffset < low) {
    const gap = { fromOffset: nextOffset, toOffset: low, cause: 'retention' } as const
    log.error({ partition: label, ...gap }, 'data_gap')
    await recordDataGap(db, name, taken.epoch, gap)
    deps.metrics.dataGap(gap)
    nextOffset = low
  }
  const detector = taken.head
    ? restoreDetector(unseal(taken.head).toString(), taken.pieces.map(unseal), deps.policy, RULE_KINDS)
    : new PartitionDetector(deps.policy, [])
  log.info(
    { partition: label, epoch: taken.epoch, nextOffset, pieces: taken.pieces.length, behind: high - nextOffset },
    'partition_taken',
  )
  const decoder = deps.decoderOf(name.topic)
  const partitionCounts = countsNow(taken.partitionCounts, await deps.partitionsOf(name.topic), high)
  const owner = new PartitionOwner(
    { ...name, epoch: taken.epoch, nextOffset, lastAppendMs, partitionCounts },
    detector,
    { decoder, schemas: deps.schemasOf(name, decoder) },
    deps.counting,
  )
  owner.pieces = taken.pieces.length
  return owner
}
