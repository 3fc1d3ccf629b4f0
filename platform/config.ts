import { z } from 'zod'
import { CONFIG_CHECKS } from './config-checks.js'
import { httpUrl, partsOf, wholeNumber } from './config-values.js'
import { CONNECTION_CHECKS, CONNECTION_VARIABLES } from './connection-variables.js'
import { protectVariable, SECRET_VARIABLES, variableText } from './variable-text.js'

const port = (preset: number) => wholeNumber(0, 65_535, preset)
const hostsOrNone = z
  .string()
  .regex(/^(none|[^\s,]+:\d{1,5}(\s*,\s*[^\s,]+:\d{1,5}){0,49})$/, 'not `none` or a list of host:port')
  .prefault('none')
  .transform((text) => (text === 'none' ? [] : partsOf(text)))
/** Long enough and varied enough that it was not made up by hand. */
const secret = z
  .string()
  .regex(/^[A-Za-z0-9_-]{32,200}$/, 'not 32 to 200 letters, digits, - and _')
  .refine((text) => new Set(text).size >= 12, 'too easy to guess')
const emailAddress = z.string().regex(/^[^\s@,<>]+@[^\s@,<>]+$/, 'not an e-mail address')
const emailAddresses = z
  .string()
  .regex(/^[^\s@,<>]+@[^\s@,<>]+(\s*,\s*[^\s@,<>]+@[^\s@,<>]+){0,49}$/, 'not a list of 1 to 50 e-mail addresses')
  .transform(partsOf)
/** Origins as browsers send them: scheme and host, no path. */
const origins = z
  .string()
  .prefault('none')
  .transform((text) => (text === 'none' ? [] : partsOf(text)))
  .refine((all) => all.every((one) => URL.canParse(one) && new URL(one).origin === one), 'not `none` or origins')
/** Spelled as every time zone database spells it: Temporal's server knows no other. */
const timeZone = z
  .string()
  .regex(/^[A-Z][\w+-]*(\/[A-Z][\w+-]*){0,2}$/, 'not an IANA time zone such as Europe/Berlin')
  .refine(isTimeZone, 'not an IANA time zone such as Europe/Berlin')
  .prefault('UTC')
const folder = z.string().regex(/^\/[^\0\r\n]*$/, 'not an absolute path')

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The environment does not say what a process needs. Names variables and what is wrong with each, never their values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(readonly faults: readonly string[]) {
    super(`configuration: ${faults.join('; ')} (every variable is explained in .env.example)`)
  }
}

/**
 * Every variable that any process reads, with its bound and its default. `.env.example` documents each of them, which
 * a test holds.
 */
export const VARIABLES = {
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).prefault('info'),
  SHUTDOWN_DEADLINE_MS: wholeNumber(1_000, 300_000, 20_000),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  SUPERVISOR_STATE_FILE: folder.optional(),
  BIND_HOST: z.string().min(1).prefault('127.0.0.1'),

  ...CONNECTION_VARIABLES,
  POSTGRES_DETECTOR_PASSWORD: secret,
  POSTGRES_ARCHIVER_PASSWORD: secret,
  POSTGRES_ORCHESTRATOR_PASSWORD: secret,
  POSTGRES_API_PASSWORD: secret,
  PG_POOL_MAX: wholeNumber(1, 200, 10),
  PG_CONNECT_TIMEOUT_MS: wholeNumber(100, 60_000, 5_000),
  PG_STATEMENT_TIMEOUT_MS: wholeNumber(100, 3_600_000, 15_000),
  PG_LOCK_TIMEOUT_MS: wholeNumber(50, 600_000, 2_000),
  PG_START_PATIENCE_MS: wholeNumber(0, 3_600_000, 60_000),

  KAFKA_REPLICATION_FACTOR: wholeNumber(1, 9, 1),
  KAFKA_MIN_INSYNC_REPLICAS: wholeNumber(1, 9, 1),
  KAFKA_PARTITIONS: wholeNumber(1, 1_000, 4),
  KAFKA_SESSION_TIMEOUT_MS: wholeNumber(1_000, 300_000, 10_000),
  KAFKA_REQUEST_TIMEOUT_MS: wholeNumber(500, 300_000, 10_000),
  SCHEMA_RECHECK_MS: wholeNumber(500, 30_000, 10_000),
  SCHEMA_WAIT_MS: wholeNumber(0, 20_000, 2_000),

  TEMPORAL_MAX_CACHED_WORKFLOWS: wholeNumber(1, 10_000, 100),
  ORCHESTRATOR_METRICS_PORT: port(9_465),

  DETECTOR_GROUP_ID: z.string().min(1).prefault('guardian-detector'),
  DETECTOR_METRICS_PORT: port(9_464),
  FRESH_LOG: z
    .string()
    .regex(/^(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*$/, 'not 1 to 40 lower-case letters, digits and single hyphens')
    .optional(),
  FRESH_LOGS_MAX: wholeNumber(1, 1_000, 20),
  ALLOWED_LATENESS_MS: wholeNumber(0, 3_600_000, 30_000),
  MAX_FUTURE_SKEW_MS: wholeNumber(0, 3_600_000, 300_000),
  MAX_RECORD_BYTES: wholeNumber(1_024, 16_777_216, 1_048_576),
  CHECKPOINT_INTERVAL_MS: wholeNumber(100, 600_000, 5_000),
  OPEN_ROW_REWRITE_MS: wholeNumber(10, 60_000, 1_000),
  RULES_REFRESH_MS: wholeNumber(100, 600_000, 2_000),
  MAX_PENDING_ROWS: wholeNumber(100, 1_000_000, 20_000),
  MAX_ROWS_PER_WRITE: wholeNumber(1, 10_000, 500),
  MAX_QUEUED_SIDE_RECORDS: wholeNumber(100, 1_000_000, 20_000),
  MAX_QUEUED_ANOMALY_CHANGES: wholeNumber(100, 1_000_000, 20_000),
  MAX_UNCOMMITTED_RECORDS: wholeNumber(1_000, 100_000_000, 2_000_000),
  MAX_PARTITION_STATE_BYTES: wholeNumber(524_288, 68_719_476_736, 1_073_741_824),
  IDLE_TICK_INTERVAL_MS: wholeNumber(0, 600_000, 10_000),
  PROGRESS_TIMEOUT_MS: wholeNumber(1_000, 3_600_000, 60_000),
  MAX_MINUTES_PER_CHECKPOINT: wholeNumber(1, 100_000, 5_000),
  MINUTE_RETENTION_HOURS: wholeNumber(1, 8_760, 72),
  FETCH_MAX_BYTES: wholeNumber(65_536, 104_857_600, 4_194_304),
  FETCH_MAX_BYTES_PER_PARTITION: wholeNumber(16_384, 104_857_600, 1_048_576),
  FETCH_MAX_UNPACKED_BYTES: wholeNumber(1_048_576, 1_073_741_824, 67_108_864),
  FETCH_MAX_BATCH_RECORDS: wholeNumber(1_000, 1_000_000, 100_000),
  FETCH_MAX_WAIT_MS: wholeNumber(1, 10_000, 100),

  ARCHIVE_URL: z
    .string()
    .regex(/^(file:\S+|s3:\/\/[a-z0-9][a-z0-9.-]{2,62}(\/[\w./=-]*)?)$/, 'neither a file: URL nor s3://bucket/prefix')
    .prefault('file:.guardian/archive'),
  S3_ENDPOINT: httpUrl.optional(),
  S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, 'not a region')
    .prefault('us-east-1'),
  S3_ACCESS_KEY_ID: z.string().regex(/^\S+$/, 'has spaces').optional(),
  S3_SECRET_ACCESS_KEY: z.string().regex(/^\S+$/, 'has spaces').optional(),
  S3_TIMEOUT_MS: wholeNumber(1_000, 3_600_000, 120_000),
  S3_FOLDER: z
    .string()
    .regex(/^[^\0\r\n]+$/, 'not a folder')
    .prefault('.guardian/s3'),
  S3_KEPT_BYTES: wholeNumber(67_108_864, 10_995_116_277_760, 10_737_418_240),
  S3_PART_BYTES: wholeNumber(5_242_880, 1_073_741_824, 16_777_216),
  S3_PARTS_AT_ONCE: wholeNumber(1, 64, 4),
  ARCHIVER_GROUP_ID: z.string().min(1).prefault('guardian-archiver'),
  ARCHIVER_METRICS_PORT: port(9_467),
  ARCHIVE_ROLL_INTERVAL_MS: wholeNumber(100, 86_400_000, 60_000),
  ARCHIVE_ROLL_RECORDS: wholeNumber(100, 10_000_000, 200_000),
  ARCHIVE_ROLL_BYTES: wholeNumber(65_536, 1_073_741_824, 67_108_864),
  ARCHIVE_BUFFER_BYTES: wholeNumber(1_048_576, 4_294_967_296, 134_217_728),
  KPI_MEMORY_BYTES: wholeNumber(67_108_864, 68_719_476_736, 1_073_741_824),
  KPI_THREADS: wholeNumber(1, 128, 2),
  KPI_TIME_ZONE: timeZone,
  KPI_QUARANTINE_MAX_RECORDS: wholeNumber(1, 100_000, 1_000),
  KPI_ENGINE: z.enum(['duckdb', 'spark']).prefault('duckdb'),
  KPI_SPARK_TIMEOUT_MS: wholeNumber(10_000, 7_200_000, 3_600_000),
  KPI_SPARK_SHUFFLE_PARTITIONS: wholeNumber(1, 100_000, 200),
  SPARK_MASTER: z
    .string()
    .regex(/^(local(\[[\d*,]+\])?|yarn|(spark|k8s):\S+)$/, 'not local[n], yarn, spark:// or k8s://')
    .prefault('local[*]'),
  SPARK_HOME: folder.optional(),
  HADOOP_CONF_DIR: folder.optional(),
  JAVA_HOME: folder.optional(),
  PATH: z
    .string()
    .regex(/^[^\0\r\n]+$/, 'not a list of folders')
    .optional(),
  KPI_ARCHIVE_WAIT_MS: wholeNumber(1_000, 21_600_000, 1_800_000),
  BACK_TEST_MAX_DAYS: wholeNumber(1, 366, 31),
  BACK_TEST_MAX_WINDOWS: wholeNumber(100, 10_000_000, 100_000),
  BACK_TESTS_OPEN_MAX: wholeNumber(1, 1_000, 10),
  BACK_TESTS_KEPT: wholeNumber(1, 100_000, 200),
  COMPACTION_FILE_BYTES: wholeNumber(1_048_576, 1_073_741_824, 134_217_728),
  COMPACTION_FILES_PER_MERGE: wholeNumber(2, 10_000, 500),
  COMPACTION_DAYS_PER_RUN: wholeNumber(1, 1_000, 100),
  COMPACTION_GRACE_MS: wholeNumber(0, 2_592_000_000, 86_400_000),
  COMPACTION_MEMORY_BYTES: wholeNumber(67_108_864, 68_719_476_736, 268_435_456),
  ARCHIVE_MEMORY_BYTES: wholeNumber(67_108_864, 68_719_476_736, 536_870_912),

  PORT: port(8_000),
  API_METRICS_PORT: port(9_466),
  ALLOWLIST_MAX_DAYS: wholeNumber(1, 365, 90),
  ALLOWLIST_MAX_ENTRIES: wholeNumber(1, 10_000, 1_000),
  API_LOG_RECORDS_MAX: wholeNumber(1_000, 5_000_000, 200_000),
  API_LOG_READ_TIMEOUT_MS: wholeNumber(1_000, 60_000, 10_000),
  API_STREAM_CLIENTS: wholeNumber(1, 10_000, 100),
  API_STREAM_HEARTBEAT_MS: wholeNumber(100, 120_000, 15_000),
  API_STREAM_BUFFER_BYTES: wholeNumber(4_096, 104_857_600, 1_048_576),
  API_STREAM_REVIEW_POLL_MS: wholeNumber(50, 60_000, 500),
  API_STREAM_KEPT: wholeNumber(0, 1_000_000, 10_000),
  API_STREAM_MISSED_MAX: wholeNumber(1, 10_000_000, 100_000),
  API_PAGE_LIMIT_MAX: wholeNumber(1, 10_000, 1_000),
  API_QUERY_TIMEOUT_MS: wholeNumber(100, 60_000, 5_000),
  API_REQUEST_TIMEOUT_MS: wholeNumber(500, 300_000, 30_000),
  API_BODY_LIMIT_BYTES: wholeNumber(1_024, 104_857_600, 1_048_576),
  API_MAX_CONNECTIONS: wholeNumber(10, 100_000, 5_000),
  SLO_TARGET_MS: wholeNumber(1, 3_600_000, 1_000),
  SLO_PERCENT: wholeNumber(1, 99, 99),
  API_MAX_AT_WORK: wholeNumber(1, 10_000, 200),
  API_MAX_WAITING: wholeNumber(0, 100_000, 2_000),
  API_MAX_WAIT_MS: wholeNumber(10, 25_000, 10_000),
  API_REPORTS_AT_WORK: wholeNumber(1, 1_000, 4),
  API_COLLECTOR_AT_WORK: wholeNumber(1, 10_000, 100),
  API_COLLECTOR_BATCH_MAX: wholeNumber(1, 10_000, 1_000),
  API_COLLECTOR_EVENTS_IN_FLIGHT: wholeNumber(1, 1_000_000, 50_000),
  API_COLLECTOR_DEADLINE_MS: wholeNumber(100, 25_000, 5_000),
  API_COLLECTOR_ORIGINS: origins,
  API_COLLECTOR_NOTES_CLIENT: z.enum(['yes', 'no']).prefault('no'),
  API_COLLECTOR_CLIENT_FROM: z
    .string()
    .regex(
      /^(?:first|forwarded(?::(?:[1-9]|1[0-6]))?|[A-Za-z][A-Za-z0-9_.-]{0,63})$/,
      'not first, forwarded:HOPS with 1 to 16 proxies, nor the name of a header',
    )
    .prefault('first'),
  API_RETRY_PERCENT: wholeNumber(0, 100, 10),
  API_RETRY_BURST: wholeNumber(0, 1_000, 10),
  BREAKER_FAILURES: wholeNumber(1, 1_000, 3),
  BREAKER_PAUSE_MS: wholeNumber(100, 600_000, 30_000),
  BREAKER_SUCCESSES: wholeNumber(1, 1_000, 3),
  API_TRUSTED_PROXIES: wholeNumber(0, 10, 0),
  API_LAST_GOOD_BYTES: wholeNumber(0, 1_073_741_824, 16_777_216),
  API_LAST_GOOD_SECONDS: wholeNumber(0, 604_800, 3_600),
  API_TAG_KEPT_MS: wholeNumber(0, 10_000, 250),
  API_TAGS_KEPT_MAX: wholeNumber(1, 100_000, 1_000),
  API_COMPLETENESS_MINUTES: wholeNumber(1, 60, 10),
  API_IDEMPOTENCY_IN_FLIGHT_SECONDS: wholeNumber(60, 86_400, 120),
  API_IDEMPOTENCY_KEPT_SECONDS: wholeNumber(60, 2_592_000, 86_400),
  GUARDIAN_ADMIN_KEY: secret,
  API_AUDIT_EXPORT_MAX: wholeNumber(1, 100_000_000, 100_000),
  API_AUDIT_EXPORT_STALL_MS: wholeNumber(100, 600_000, 30_000),
  API_USERS_MAX: wholeNumber(1, 100_000, 10_000),
  API_KEY_KEPT_MS: wholeNumber(0, 1_000, 1_000),
  API_KEYS_KEPT_MAX: wholeNumber(10, 100_000, 1_000),
  API_KEY_REQUESTS_PER_MINUTE: wholeNumber(1, 10_000_000, 600_000),
  API_REFUSALS_PER_MINUTE: wholeNumber(1, 1_000_000, 600),
  API_SESSION_SECONDS: wholeNumber(60, 2_592_000, 43_200),
  API_DENIALS_QUEUE_MAX: wholeNumber(10, 100_000, 1_000),

  SLACK_WEBHOOK_URL: httpUrl.optional(),
  ALERT_ALLOWED_HOSTS: hostsOrNone,
  ALERT_EMAIL_FROM: emailAddress.optional(),
  ALERT_EMAIL_TO: emailAddresses.optional(),
  ALERT_BASE_URL: httpUrl.prefault('http://localhost:8000'),
  ALERT_WINDOW_MS: wholeNumber(1_000, 86_400_000, 1_800_000),
  ALERT_RECOVER_AFTER_MS: wholeNumber(1_000, 86_400_000, 600_000),
  ALERT_HISTORY_DAYS: wholeNumber(1, 3_650, 90),
  ALERT_SILENCE_MAX_HOURS: wholeNumber(1, 8_760, 168),
  ALERT_SEND_TIMEOUT_MS: wholeNumber(100, 60_000, 10_000),
  ALERT_LAG_WARNING_SECONDS: wholeNumber(1, 86_400, 60),
  ALERT_LAG_CRITICAL_SECONDS: wholeNumber(1, 86_400, 300),
  ALERT_ARCHIVE_LAG_WARNING_SECONDS: wholeNumber(1, 172_800, 600),
  ALERT_ARCHIVE_LAG_CRITICAL_SECONDS: wholeNumber(1, 172_800, 3_600),
  ALERT_BURST_WARNING: wholeNumber(1, 10_000_000, 100),
  ALERT_BURST_CRITICAL: wholeNumber(1, 10_000_000, 1_000),
  DLQ_ALERT_WARNING: wholeNumber(1, 1_000_000_000, 10),
  DLQ_ALERT_CRITICAL: wholeNumber(1, 1_000_000_000, 1_000),
  DLQ_ALERT_MAX_RECORDS: wholeNumber(1_000, 100_000_000, 1_000_000),

  ANOMALY_DAYS_AHEAD: wholeNumber(1, 60, 7),
  ANOMALY_RETENTION_DAYS: wholeNumber(1, 3_650, 30),
  ANOMALY_SETTLED_DAYS: wholeNumber(0, 3_650, 7),
  PARTITION_LOCK_TIMEOUT_MS: wholeNumber(50, 10_000, 500),
} as const

export type VariableName = keyof typeof VARIABLES
export type Config<Name extends VariableName> = { readonly [K in Name]: z.output<(typeof VARIABLES)[K]> }

/**
 * Reads and checks the variables that one process needs, once. A secret or a certificate can be in a file that
 * `<variable>_FILE` names. Secrets are censored in every text from then on.
 * @throws ConfigError naming every missing or bad variable at once; no value is ever printed
 */
export function loadConfig<Name extends VariableName>(
  names: readonly Name[],
  env: Readonly<Record<string, string | undefined>>,
): Config<Name> {
  const values: Partial<Record<Name, unknown>> = {}
  const faults: string[] = []
  for (const name of names) {
    const found = variableText(name, env)
    if ('fault' in found) {
      faults.push(`${found.variable}: ${found.fault}`)
      continue
    }
    if (found.text !== undefined && SECRET_VARIABLES.includes(name)) protectVariable(name, found.text)
    const parsed = VARIABLES[name].safeParse(found.text)
    if (parsed.success) values[name] = parsed.data
    else if (found.text === undefined) faults.push(`${name}: missing`)
    else
      faults.push(
        `${name}: ${parsed.error.issues.map((issue) => (issue.code === 'invalid_value' ? `not one of ${issue.values.join(', ')}` : issue.message)).join(', ')}`,
      )
  }
  const isRead = (name: string): boolean => Object.hasOwn(values, name)
  for (const { of, faults: faultsOf } of [...CONNECTION_CHECKS, ...CONFIG_CHECKS])
    if (of.every(isRead)) faults.push(...faultsOf(values))
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(values) as Config<Name>
}
