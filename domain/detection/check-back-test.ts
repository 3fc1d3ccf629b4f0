import { GuardianError } from '../errors.js'
import { DAY_MS, addDays, parseUtcDay, startOfDayMs, type UtcDay } from '../utc-day.js'

/**
 * The days that a candidate is to be tested on, oldest first.
 * @param nowMs milliseconds since the epoch
 * @throws GRD_BAD_INPUT for a range that is none, is longer than `maxDays`, or is not over
 */
export function backTestDays(from: string, to: string, nowMs: number, maxDays: number): readonly UtcDay[] {
  const [first, last] = [parseUtcDay(from), parseUtcDay(to)]
  if (last < first) throw new GuardianError('GRD_BAD_INPUT', `the range ends on ${to}, before it begins on ${from}`)
  if (startOfDayMs(addDays(last, 1)) > nowMs) throw new GuardianError('GRD_BAD_INPUT', `${to} is not over`)
  const count = (startOfDayMs(last) - startOfDayMs(first)) / DAY_MS + 1
  if (count > maxDays)
    throw new GuardianError('GRD_BAD_INPUT', `the range has ${count} days, and at most ${maxDays} are tested at once`)
  return Array.from({ length: count }, (_, n) => addDays(first, n))
}
