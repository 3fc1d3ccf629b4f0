import type { DetectorPolicy, PartitionDetector } from '../partition-detector.js'
import type { RuleKind } from '../rule.js'
import { restoreHead } from './head.js'
import { restorePiece } from './piece.js'

/**
 * A detector that goes on exactly as the one whose state was taken would have.
 * @param head of the last checkpoint
 * @param pieces since the last full one, and that one, oldest first
 * @throws GuardianError GRD_SNAPSHOT_REFUSED for state of an unknown format
 */
export function restoreDetector(
  head: string,
  pieces: readonly Uint8Array[],
  policy: DetectorPolicy,
  kinds: ReadonlyMap<string, RuleKind>,
): PartitionDetector {
  const detector = restoreHead(head, policy, kinds)
  for (const piece of pieces) restorePiece(detector, piece)
  detector.panes.dropBefore(detector.keptFromPane)
  return detector
}
