/** How bad it is, mildest first. A closed list: it is a column and a metric label. */
export const SEVERITIES = ['warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/**
 * What `alertWatch` asks each minute. To add one: a file in `kinds/` that describes it in words, an entry in
 * `workers/orchestrator/watched-sources.ts` that reads it, and a section of `docs/runbook.md`.
 */
export const WATCHED_SOURCES = [
  'data-gaps',
  'misplaced-records',
  'detector-lag',
  'archiver-lag',
  'schedules',
  'pipeline-runs',
  'reconciliation',
  'anomaly-burst',
  'process-crashes',
  'event-collisions',
  'quarantine',
] as const
export type WatchedSource = (typeof WATCHED_SOURCES)[number]

/** What alerts are about. A closed list: it is a column and a metric label. */
export const ALERT_SOURCES = ['dead-letters', ...WATCHED_SOURCES, 'watch', 'silences'] as const
export type AlertSource = (typeof ALERT_SOURCES)[number]

export type Figures = Readonly<Record<string, number | string>>

/** A page that a person can open in a browser, without a key. */
export interface AlertLink {
  readonly label: string
  /** Absolute, or below the address of the API: `/docs/runbook`. */
  readonly to: string
}

/** What a message says about a cause, in whole sentences. It holds no personal data and no secret. */
export interface AlertWords {
  /** What happened, with its numbers: "1,512 records could not be decoded in the last minute, from source web." */
  readonly summary: string
  /** One example and what is wrong with it; null when the summary says all. */
  readonly sample: string | null
  /** What to do first. */
  readonly firstStep: string
}

/** What a look found about one cause. */
export interface Observation extends AlertWords {
  readonly source: AlertSource
  /** The same for the same cause, and for nothing else. */
  readonly fingerprint: string
  /** The cause in a few words without numbers, the same each time: the subject of a mail. It holds no data of events. */
  readonly cause: string
  /** Null: below every threshold, and still counted while an incident is open. */
  readonly severity: Severity | null
  /** How much of it there was since the last look. */
  readonly count: number
  readonly figures: Figures
  readonly links: readonly AlertLink[]
}

export interface Thresholds {
  /** At this value and above. */
  readonly warning: number
  readonly critical: number
}

/** Null below both. */
export const severityOf = (value: number, { warning, critical }: Thresholds): Severity | null =>
  value >= critical ? 'critical' : value >= warning ? 'warning' : null

/** Whether a severity is as bad as another, or worse. */
export const isAtLeast = (severity: Severity, other: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(other)

const MAX_PART = 80

/**
 * The fingerprint of a cause: its source and the parts that tell it from others of that source. Parts are cut and
 * cleaned, so that a strange name cannot imitate another fingerprint.
 */
export const fingerprintOf = (source: AlertSource, ...parts: readonly string[]): string =>
  [source, ...parts.map((part) => part.slice(0, MAX_PART).replaceAll(/[^\w.-]/g, '_') || '_')].join(':')
