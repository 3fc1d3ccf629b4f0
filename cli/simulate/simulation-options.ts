import { DAY_MS } from '../../domain/utc-day.js'
import { UsageError } from '../cli-error.js'
import { wholeNumber } from '../whole-number.js'
import type { TrafficPlan } from './shop-traffic.js'

/** The words of `guardian simulate`, as commander gives them. */
export interface SimulateWords {
  readonly seed?: string
  readonly events?: string
  readonly duration?: string
  readonly rate?: string
  readonly speedUp?: string
  readonly day?: string
  readonly live?: boolean
  readonly manifest?: string
}

/** How fast records are sent, by the wall clock. */
export type Pace =
  | { readonly kind: 'as_fast_as_it_goes' }
  | { readonly kind: 'records_per_second'; readonly rate: number }
  | { readonly kind: 'times_event_time'; readonly factor: number }

export interface SimulationPlan {
  readonly traffic: TrafficPlan
  readonly pace: Pace
  /** Stops after so many records; infinite for none. */
  readonly maxRecords: number
  /** Stops before the first record that is to be sent at or after this instant of event time; infinite for none. */
  readonly endMs: number
}

const DEFAULT_RATE = 200
const DEFAULT_DAY_RECORDS = 200_000
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS }

/**
 * What is to be simulated. A past day holds `--events` records (200,000 if not said) within `--duration` (the whole
 * day if not said), from 00:00 UTC on; live traffic comes at `--rate` (200/s if not said) until it is stopped.
 * @param nowMs where live traffic begins
 * @throws UsageError for words that do not go together or cannot be read
 */
export function planSimulation(words: SimulateWords, nowMs: number): SimulationPlan {
  if (words.day !== undefined && words.live === true) throw new UsageError('--live and --day exclude each other')
  if (words.rate !== undefined && words.speedUp !== undefined)
    throw new UsageError('--rate and --speed-up exclude each other')
  const seed = words.seed === undefined ? 1 : wholeNumber('--seed', words.seed, 2 ** 48)
  const events = words.events === undefined ? undefined : wholeNumber('--events', words.events, 1e12, 1)
  const durationMs = words.duration === undefined ? undefined : parseDuration(words.duration)
  const rate = words.rate === undefined ? undefined : positiveNumber('--rate', words.rate)
  return words.day === undefined
    ? planLive(words, { seed, events, durationMs, rate }, nowMs)
    : planDay(words, words.day, { seed, events, durationMs, rate }, nowMs)
}

interface Numbers {
  readonly seed: number
  readonly events: number | undefined
  readonly durationMs: number | undefined
  readonly rate: number | undefined
}

function planLive(words: SimulateWords, numbers: Numbers, nowMs: number): SimulationPlan {
  if (words.speedUp !== undefined && words.speedUp !== '1')
    throw new UsageError('--speed-up goes with --day: live events happen now, at --rate')
  return {
    traffic: { seed: numbers.seed, startMs: nowMs, recordsPerSecond: numbers.rate ?? DEFAULT_RATE, clock: 'live' },
    pace: { kind: 'times_event_time', factor: 1 },
    maxRecords: numbers.events ?? Number.POSITIVE_INFINITY,
    endMs: numbers.durationMs === undefined ? Number.POSITIVE_INFINITY : nowMs + numbers.durationMs,
  }
}

function planDay(words: SimulateWords, day: string, numbers: Numbers, nowMs: number): SimulationPlan {
  const startMs = parseDay(day, nowMs)
  const spanMs = numbers.durationMs ?? DAY_MS
  if (spanMs > DAY_MS) throw new UsageError('--duration is longer than the day')
  const records = numbers.events ?? Math.ceil((DEFAULT_DAY_RECORDS * spanMs) / DAY_MS)
  return {
    traffic: {
      seed: numbers.seed,
      startMs,
      recordsPerSecond: (records * headroom(records) * 1_000) / spanMs,
      clock: 'past',
    },
    pace: paceOf(words.speedUp, numbers.rate),
    maxRecords: numbers.events ?? Number.POSITIVE_INFINITY,
    endMs: startMs + (numbers.events === undefined ? spanMs : DAY_MS),
  }
}

/**
 * Visitors come by chance, about a dozen events each: a little more traffic than asked for makes sure that the number
 * asked for is reached before the day is over.
 */
const headroom = (records: number): number => 1.05 + 4 * Math.sqrt(12 / records)

function paceOf(speedUp: string | undefined, rate: number | undefined): Pace {
  if (rate !== undefined) return { kind: 'records_per_second', rate }
  if (speedUp === undefined || speedUp === 'max') return { kind: 'as_fast_as_it_goes' }
  return { kind: 'times_event_time', factor: positiveNumber('--speed-up', speedUp) }
}

/** @returns the first instant of the day, which must be over and no earlier than 2000 */
function parseDay(text: string, nowMs: number): number {
  const startMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== text)
    throw new UsageError(`--day ${text}: not a day as in 2026-01-31`)
  if (startMs < Date.UTC(2000, 0, 1) || startMs + DAY_MS > nowMs)
    throw new UsageError(`--day ${text}: not a day between 2000 and yesterday, UTC`)
  return startMs
}

/** @returns milliseconds of `90s`, `10m`, `24h`, `1d`, `500ms`, or of a bare number of seconds */
export function parseDuration(text: string): number {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text)
  const durationMs = parts ? Math.round(Number(parts[1]) * (UNIT_MS[parts[2] ?? 's'] ?? 0)) : 0
  if (durationMs <= 0) throw new UsageError(`--duration ${text}: not a duration as in 90s, 10m, 24h`)
  return durationMs
}

function positiveNumber(option: string, text: string): number {
  const value = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : 0
  if (value <= 0) throw new UsageError(`${option} ${text}: not a number above 0`)
  return value
}
