import { GuardianError } from '../domain/errors.js'
import type { StreamConsumer } from '../platform/kafka/consumer.js'
import type { Logger } from '../platform/logger.js'

/** A partition of which this process believes to be the owner. */
interface Owned {
  readonly topic: string
  readonly partition: number
  /** `topic/partition` */
  readonly name: string
  readonly epoch: number
  /** Where what is stored ends. */
  readonly committedOffset: number
  readonly isLost: boolean
}

export interface CommitDeps {
  readonly consumer: StreamConsumer
  readonly log: Logger
  readonly metrics: { fenced(): void }
  /** The process cannot go on. */
  readonly onFatal: (cause: unknown) => void
}

/**
 * Commits a partition to PostgreSQL, then tells Kafka, for lag tools. A commit that is refused because somebody else has the partition
 * releases it; whatever else a commit throws ends the process.
 * @param release forgets what this process holds of the partition
 */
export async function commitOwned(
  { consumer, log, metrics, onFatal }: CommitDeps,
  owner: Owned,
  commit: () => Promise<void>,
  release: () => void,
): Promise<void> {
  try {
    await commit()
  } catch (cause) {
    if (owner.isLost) return
    if (!(cause instanceof GuardianError && cause.code === 'GRD_FENCED')) {
      onFatal(cause)
      return
    }
    metrics.fenced()
    log.warn({ partition: owner.name, epoch: owner.epoch }, 'partition_lost')
    release()
    // If it is still ours, or comes back, its next batch takes it anew: there may be no new record to bring one.
    consumer.seek(owner.topic, owner.partition, owner.committedOffset)
    return
  }
  await consumer.commit(owner.topic, owner.partition, owner.committedOffset).catch((err: unknown) => {
    log.debug({ err, partition: owner.name }, 'group_offset_not_committed')
  })
}
