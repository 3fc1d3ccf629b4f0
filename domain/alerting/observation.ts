/** How bad it is, mildest first. A closed list: it is a column and a metric label. */
export const SEVERITIES = ['warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** What is watched. A closed list: it is a column and a metric label. */
export const ALERT_SOURCES = [
  'dead-letters',
  'data-gaps',
  'detector-lag',
  'archiver-lag',
  'schedules',
  'pipeline-runs',
  'reconciliation',
  'anomaly-burst',
  'watch',
] as const
export type AlertSource = (typeof ALERT_SOURCES)[number]

export type Figures = Readonly<Record<string, number | string>>

/** Where a person goes on from an alert. */
export interface AlertLink {
  readonly label: string
  /** Absolute, or below the address of the API: `/anomalies`. */
  readonly to: string
}

/** What a look found about one cause. */
export interface Observation {
  readonly source: AlertSource
  /** The same for the same cause, and for nothing else. */
  readonly fingerprint: string
  /** One line for a person. It holds no data of events. */
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
