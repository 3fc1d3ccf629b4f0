import { shopDayOf, type TimeZone } from '../shop-day.js'
import { addDays, type UtcDay } from '../utc-day.js'

/** What a person says of an anomaly. `undecided` takes an earlier verdict back. */
export const VERDICTS = ['true_positive', 'false_positive', 'undecided'] as const
export type Verdict = (typeof VERDICTS)[number]

/**
 * The days of the shop whose figures a verdict on a window can change: those that the window has a part in.
 * @param endMs no longer part of the window
 */
export function daysOfWindow(timeZone: TimeZone, startMs: number, endMs: number): UtcDay[] {
  const days: UtcDay[] = []
  const last = shopDayOf(timeZone, endMs - 1)
  for (let day = shopDayOf(timeZone, startMs); day <= last; day = addDays(day, 1)) days.push(day)
  return days
}
