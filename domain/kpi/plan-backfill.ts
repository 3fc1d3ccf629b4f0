import { GuardianError } from '../errors.js'
import { addDays, parseUtcDay, type UtcDay } from '../utc-day.js'

/** Days of one backfill at most: more are several backfills. */
export const MAX_BACKFILL_DAYS = 200
const MAX_PARALLEL = 8
const DEFAULT_PARALLEL = 2

export interface BackfillRange {
  /** The first and the last day, YYYY-MM-DD. */
  readonly from: string
  readonly to: string
  /** Days that are under way at once, 1 to 8. @default 2 */
  readonly parallel?: number
}

/** The days of a backfill, oldest first. @throws GRD_BAD_INPUT for a range that is none, or is too long */
export function planBackfill({ from, to, parallel = DEFAULT_PARALLEL }: BackfillRange): {
  readonly days: readonly UtcDay[]
  readonly parallel: number
} {
  const [first, last] = [parseUtcDay(from), parseUtcDay(to)]
  if (last < first) throw new GuardianError('GRD_BAD_INPUT', `the range ends on ${to}, before it begins on ${from}`)
  if (!Number.isSafeInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL)
    throw new GuardianError('GRD_BAD_INPUT', `parallel is not in 1..${MAX_PARALLEL}`)
  const days: UtcDay[] = []
  for (let day = first; day <= last; day = addDays(day, 1)) {
    if (days.length === MAX_BACKFILL_DAYS)
      throw new GuardianError('GRD_BAD_INPUT', `the range has more than ${MAX_BACKFILL_DAYS} days`)
    days.push(day)
  }
  return { days, parallel: Math.min(parallel, days.length) }
}
