import { utcDayOf, DAY_MS, type UtcDay } from '../utc-day.js'

/** Days that get a file of their own from one roll; the events of all others share one. */
export const MAX_DAYS_PER_ROLL = 31

/** A quarter of an hour: the days of every time zone of today begin at one. */
export const SLOT_MS = 900_000

/** How many rows of a roll are of a quarter of an hour. */
export interface SlotRows {
  /** Milliseconds since the epoch. */
  readonly startMs: number
  readonly rows: number
}

/** How many rows of a roll are of a day; days are numbered from 1970-01-01 on. */
export interface DayRows {
  readonly dayNumber: number
  readonly rows: number
}

export interface PlannedFile {
  readonly day: UtcDay | 'other'
  readonly days: readonly DayRows[]
}

/** The day with a number, counted from 1970-01-01. */
export const dayOfNumber = (dayNumber: number): UtcDay => utcDayOf(dayNumber * DAY_MS)

/**
 * Which files the rows of one roll go to: the days with the most rows one each, what is left into one file of many
 * days. A producer whose clock is wild can so not make a file for every event.
 */
export function planFiles(days: readonly DayRows[]): PlannedFile[] {
  const byRows = [...days].sort((a, b) => b.rows - a.rows || a.dayNumber - b.dayNumber)
  const own = byRows.slice(0, MAX_DAYS_PER_ROLL).map((day) => ({ day: dayOfNumber(day.dayNumber), days: [day] }))
  const rest = byRows.slice(MAX_DAYS_PER_ROLL)
  return rest.length === 0 ? own : [...own, { day: 'other', days: rest }]
}
