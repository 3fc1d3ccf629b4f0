import { GuardianError } from '../../domain/errors.js'
import type { PartitionOwner } from './partition-owner.js'

/**
 * Nothing of the state can be left out without a wrong result, and no waiting makes it smaller, as only records to come
 * end windows. So the process ends before the machine's memory does; what it has not committed is decided again.
 * @throws GuardianError GRD_STATE_LIMIT when the state of the partition takes more than it may
 */
export function checkState(
  { name, nextOffset, detector }: Pick<PartitionOwner, 'name' | 'nextOffset' | 'detector'>,
  maxBytes: number,
): void {
  const { stateBytes, panes, ids } = detector
  if (stateBytes <= maxBytes) return
  throw new GuardianError(
    'GRD_STATE_LIMIT',
    `the state of ${name} takes ${stateBytes} bytes at offset ${nextOffset} (${panes.keyCount} sessions, ` +
      `${panes.paneCount} panes, ${ids.size} event ids), and MAX_PARTITION_STATE_BYTES is ${maxBytes}: raise it where ` +
      `there is memory for it, or shorten ALLOWED_LATENESS_MS or the windows of the rules; a topic with more partitions ` +
      `has less in each`,
  )
}
