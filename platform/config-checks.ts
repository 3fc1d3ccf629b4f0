type Values = Readonly<Record<string, unknown>>

/** What the values of a group have wrong together. A check holds for every process that reads the whole group. */
export interface ConfigCheck {
  readonly of: readonly string[]
  readonly faults: (values: Values) => readonly string[]
}

const number = (values: Values, name: string): number => Number(values[name])

/** @param below each of these is to be less than `limit` @param why completes the sentence */
const below = (names: readonly string[], limit: string, unit = 1, why = ''): ConfigCheck => ({
  of: [...names, limit],
  faults: (values) =>
    names
      .filter((name) => number(values, name) >= number(values, limit) * unit)
      .map((name) => `${name}: not below ${limit}${why}`),
})

const notAbove = (warning: string, critical: string): ConfigCheck => ({
  of: [warning, critical],
  faults: (values) => (number(values, critical) < number(values, warning) ? [`${critical}: below ${warning}`] : []),
})

const EMAIL = ['SMTP_URL', 'ALERT_EMAIL_FROM', 'ALERT_EMAIL_TO']

export const CONFIG_CHECKS: readonly ConfigCheck[] = [
  // How long a request waits for something else: each of these ends before the request does.
  below(['API_QUERY_TIMEOUT_MS', 'API_LOG_READ_TIMEOUT_MS', 'API_COLLECTOR_DEADLINE_MS'], 'API_REQUEST_TIMEOUT_MS'),
  below(['API_REQUEST_TIMEOUT_MS'], 'API_IDEMPOTENCY_IN_FLIGHT_SECONDS', 1_000),
  below(['API_REPORTS_AT_WORK'], 'PG_POOL_MAX', 1, ', so that reports leave a connection to others'),
  {
    of: EMAIL,
    faults: (values) => {
      const missing = EMAIL.filter((name) => values[name] === undefined)
      if (missing.length === 0 || missing.length === EMAIL.length) return []
      return missing.map((name) => `${name}: missing, e-mail needs ${EMAIL.join(', ')}`)
    },
  },
  notAbove('DLQ_ALERT_WARNING', 'DLQ_ALERT_CRITICAL'),
  notAbove('ALERT_LAG_WARNING_SECONDS', 'ALERT_LAG_CRITICAL_SECONDS'),
  notAbove('ALERT_ARCHIVE_LAG_WARNING_SECONDS', 'ALERT_ARCHIVE_LAG_CRITICAL_SECONDS'),
  notAbove('ALERT_BURST_WARNING', 'ALERT_BURST_CRITICAL'),
]
