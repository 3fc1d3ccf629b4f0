import { GuardianError } from '../errors.js'
import { addDays, type UtcDay } from '../utc-day.js'

export interface PartitionPolicy {
  /** How many days after today have a partition ready, 1 or more; today has one too. */
  readonly daysAhead: number
  /** How many days before today stay, 1 or more. */
  readonly retentionDays: number
}

export interface PartitionPlan {
  /** Days without a partition that need one, oldest first. */
  readonly create: readonly UtcDay[]
  /** Days past their retention, oldest first: to be dropped, each only when nothing speaks against it. */
  readonly expired: readonly UtcDay[]
  /** The oldest day that stays. */
  readonly oldestKept: UtcDay
}

/**
 * What has to be done so that today and the days ahead have a partition, and which days are past their retention.
 * @param today from the schedule, never from a clock
 * @param existing days that have a partition, in any order
 * @throws GRD_BAD_INPUT when the policy keeps or prepares no day
 */
export function planPartitions(today: UtcDay, existing: readonly UtcDay[], policy: PartitionPolicy): PartitionPlan {
  const { daysAhead, retentionDays } = policy
  if (!isCount(daysAhead) || !isCount(retentionDays))
    throw new GuardianError('GRD_BAD_INPUT', 'daysAhead and retentionDays are whole numbers, 1 or more')
  const have = new Set(existing)
  const needed = Array.from({ length: daysAhead + 1 }, (_, ahead) => addDays(today, ahead))
  const oldestKept = addDays(today, -retentionDays)
  return {
    create: needed.filter((day) => !have.has(day)),
    expired: [...have].filter((day) => day < oldestKept).sort(),
    oldestKept,
  }
}

const isCount = (n: number): boolean => Number.isSafeInteger(n) && n >= 1
