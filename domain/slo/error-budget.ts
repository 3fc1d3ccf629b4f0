/** What is promised: so many of a hundred anomalies are written within so long after their event was produced. */
export interface Objective {
  readonly targetMs: number
  /** 0 to 100, exclusive. */
  readonly percent: number
}

/** How many anomalies were looked at, and how many of them took longer than the target. */
export interface Kept {
  readonly samples: number
  readonly slow: number
}

export interface ErrorBudget {
  /** How many may be slow; a fraction, as few samples allow less than one. */
  readonly allowed: number
  readonly slow: number
  /** Of what is allowed; below 0 when more was used than there was. */
  readonly leftPercent: number
  /** 1: what is allowed lasts exactly as long as the span; null without a sample in the last hour. */
  readonly burnRate: number | null
  /** For a person. */
  readonly says: string
}

/** A percentile is reported from so many samples on: ten or more are then beyond it. */
export const SAMPLES_NEEDED = { p95: 200, p99: 1_000 } as const

/** Why percentiles are not reported, for a person. @returns null when all of them are */
export function unreliableReason(samples: number): string | null {
  const missing = Object.entries(SAMPLES_NEEDED).filter(([, needed]) => samples < needed)
  if (missing.length === 0) return null
  const needs = missing.map(([name, needed]) => `${name} needs ${needed.toLocaleString('en')}`)
  return `${needs.join(' and ')} samples; there are ${samples.toLocaleString('en')}`
}

const MINUTES_PER_HOUR = 60

/**
 * What is left of the error budget of a span, and how long it lasts at the rate of its last hour.
 * @param hours how long the span is, 1 or more
 */
export function errorBudget(objective: Objective, hours: number, span: Kept, lastHour: Kept): ErrorBudget {
  const allowedShare = (100 - objective.percent) / 100
  const allowed = span.samples * allowedShare
  const left = span.samples === 0 ? 1 : 1 - span.slow / allowed
  const burnRate = lastHour.samples === 0 ? null : lastHour.slow / lastHour.samples / allowedShare
  const says = describe(hours, hours * MINUTES_PER_HOUR * allowedShare * left, left, burnRate)
  return { allowed, slow: span.slow, leftPercent: left * 100, burnRate, says }
}

function describe(hours: number, leftMinutes: number, left: number, burnRate: number | null): string {
  if (left < 0) return `spent: ${lengthOf(-leftMinutes)} more than there was`
  const rest = `${lengthOf(leftMinutes)} left`
  if (burnRate === null || burnRate === 0) return `${rest}; nothing was slow in the last hour`
  const goneInMinutes = (left * hours * MINUTES_PER_HOUR) / burnRate
  return `${rest}; at this rate gone in ${lengthOf(goneInMinutes)}`
}

function lengthOf(minutes: number): string {
  if (minutes < 1) return `${Math.round(minutes * 60)} s`
  if (minutes < 2 * MINUTES_PER_HOUR) return `${Math.round(minutes)} minutes`
  const hours = minutes / MINUTES_PER_HOUR
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`
}
