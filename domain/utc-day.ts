import { GuardianError } from './errors.js'

/** A day from midnight to midnight in UTC, as YYYY-MM-DD. Days compare as text. */
export type UtcDay = string & { readonly unit: 'utc-day' }

export const DAY_MS = 86_400_000

const SHAPE = /^\d{4}-\d{2}-\d{2}$/

/** The day that holds an instant. @param instantMs milliseconds since the epoch, in the years 0 to 9999 */
export const utcDayOf = (instantMs: number): UtcDay => new Date(instantMs).toISOString().slice(0, 10) as UtcDay

/** @throws GRD_BAD_INPUT when the text is not a day that exists, as 2026-02-30 is not */
export function parseUtcDay(text: string): UtcDay {
  const startMs = SHAPE.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(startMs) || utcDayOf(startMs) !== text)
    throw new GuardianError('GRD_BAD_INPUT', 'not a day YYYY-MM-DD')
  return text as UtcDay
}

/** The first millisecond of a day. */
export const startOfDayMs = (day: UtcDay): number => Date.parse(`${day}T00:00:00Z`)

/** @param days may be negative */
export const addDays = (day: UtcDay, days: number): UtcDay => utcDayOf(startOfDayMs(day) + days * DAY_MS)
