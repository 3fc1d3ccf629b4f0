import { takeFromLog } from '../../workers/log-positions.js'
import { PartitionRuntime } from '../../workers/partitions/partition-runtime.js'

/** The product's code under simulation; a copy into which a defect was planted has the same shape. */
export interface Code {
  readonly PartitionRuntime: typeof PartitionRuntime
  readonly takeFromLog: typeof takeFromLog
}

export const PRODUCT: Code = { PartitionRuntime, takeFromLog }
