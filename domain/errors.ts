/**
 * Everything that can make an attempt fail, as a closed list. A record's own fate (late, duplicate, dead letter) is a
 * value, never one of these.
 */
export const ERROR_CODES = [
  'GRD_BAD_INPUT',
  'GRD_BAD_RULE',
  'GRD_SHUTDOWN',
  'GRD_STORE_UNAVAILABLE',
  'GRD_STORE_TIMEOUT',
  'GRD_STORE_CONFLICT',
  'GRD_STORE_REFUSED',
  'GRD_COMMIT_UNKNOWN',
  'GRD_PARTITION_MISSING',
  'GRD_FENCED',
  'GRD_DATA_GAP',
  'GRD_SNAPSHOT_REFUSED',
  'GRD_STALLED',
  'GRD_STATE_LIMIT',
  'GRD_MIGRATION',
  'GRD_TEMPORAL_UNAVAILABLE',
  'GRD_ARCHIVE_INCOMPLETE',
  'GRD_QUALITY_GATE',
  'GRD_COMPACTION',
  'GRD_RECONCILIATION',
  'GRD_DELIVERY_PENDING',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

const RETRYABLE: Readonly<Record<ErrorCode, boolean>> = {
  GRD_BAD_INPUT: false,
  GRD_BAD_RULE: false,
  GRD_SHUTDOWN: false,
  GRD_STORE_UNAVAILABLE: true,
  GRD_STORE_TIMEOUT: true,
  GRD_STORE_CONFLICT: true,
  GRD_STORE_REFUSED: false,
  GRD_COMMIT_UNKNOWN: false, // what is stored has to be read first
  GRD_PARTITION_MISSING: false, // the day's partition has to be made first
  GRD_FENCED: false,
  GRD_DATA_GAP: false,
  GRD_SNAPSHOT_REFUSED: false,
  GRD_STALLED: false, // only a new process is without what holds this one
  GRD_STATE_LIMIT: false, // the same records would make the same state
  GRD_MIGRATION: false,
  GRD_TEMPORAL_UNAVAILABLE: true,
  GRD_ARCHIVE_INCOMPLETE: false, // it has been waited for
  GRD_QUALITY_GATE: false,
  GRD_COMPACTION: false, // each day was retried by itself
  GRD_RECONCILIATION: false, // the same rows would differ again
  GRD_DELIVERY_PENDING: true,
}

/** An attempt that cannot go on. `code` is stable and safe as a metric label; the cause is always kept. */
export class GuardianError extends Error {
  override readonly name = 'GuardianError'

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Whether trying again can help. Total: any thrown value gets an answer, and an unknown error is tried again. */
export const isRetryable = (error: unknown): boolean => (error instanceof GuardianError ? RETRYABLE[error.code] : true)
