import type { DeadLetterCode } from '../../domain/detection/fate.js'
import type { DataGap } from '../../db/stores/checkpoints.js'
import type { UnreadableRange } from '../../platform/kafka/record-set.js'
import type { OutgoingRecord } from '../../platform/kafka/producer.js'
import type { PartitionOwner } from './partition-owner.js'
import { deadLetter } from './side-records.js'

/** A batch of more offsets than this gets one dead letter for all: a few kilobytes must not become gigabytes here. */
const MAX_LETTERS = 10_000

const CODES: Readonly<Record<UnreadableRange['cause'], DeadLetterCode>> = {
  too_large: 'TOO_LARGE',
  undecodable: 'DECODE',
}

export interface PassedOver {
  readonly gap: DataGap
  readonly letters: readonly OutgoingRecord[]
  readonly code: DeadLetterCode
}

/**
 * Takes a partition past offsets whose batch cannot be read. The next checkpoint stores the gap with the offset behind
 * it, once every dead letter is acknowledged. Keys and values are inside of the batch: dead letters go without them.
 * @param lastAppendMs when the last of them was appended
 * @returns undefined when the partition is behind them already
 */
export function passOver(owner: PartitionOwner, range: UnreadableRange, lastAppendMs: number): PassedOver | undefined {
  const fromOffset = Math.max(range.firstOffset, owner.nextOffset)
  const toOffset = range.lastOffset + 1
  if (toOffset <= fromOffset) return undefined
  const code = CODES[range.cause]
  const letter = (offset: number): OutgoingRecord => {
    const batch = {
      'guardian.batch.first_offset': String(range.firstOffset),
      'guardian.batch.last_offset': String(range.lastOffset),
    }
    return deadLetter({ offset: String(offset), key: null, value: null, headers: batch }, owner, code, range.detail)
  }
  const count = toOffset - fromOffset
  const letters = Array.from({ length: count > MAX_LETTERS ? 1 : count }, (_, i) => letter(fromOffset + i))
  const gap: DataGap = { fromOffset, toOffset, cause: range.cause }
  owner.passOver(gap, lastAppendMs)
  return { gap, letters, code }
}
