/** What a server of ours can answer, as a closed list that is safe as a metric label. */
export const PLATFORM_ERROR_CODES = [
  'KAFKA_UNAVAILABLE',
  'CONSUMER_STOPPED',
  'TOPIC_UNFIT',
  'BATCH_UNREADABLE',
  'BATCH_TOO_LARGE',
  'REGISTRY_UNAVAILABLE',
  'REGISTRY_REFUSED',
  'SCHEMA_UNKNOWN',
] as const

export type PlatformErrorCode = (typeof PLATFORM_ERROR_CODES)[number]

/** A server that the process depends on did not do what was asked of it. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError'

  constructor(
    readonly code: PlatformErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
