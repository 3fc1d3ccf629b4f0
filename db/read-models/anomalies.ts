import { getTableColumns } from 'drizzle-orm'
import { freshLogOfTopic } from '../../domain/fresh-log.js'
import type { Verdict } from '../../domain/review/verdict.js'
import type { Queryable } from '../pool.js'
import { hasFreshLog } from '../stores/fresh-logs.js'
import { anomalySessions } from '../tables/anomaly-sessions.js'
import { allowlistEntryOf, verdictOf } from './review.js'

/** A row of `anomaly_sessions`, and what people have said of it. */
export type AnomalyRow = typeof anomalySessions.$inferSelect & {
  readonly verdict: Verdict
  /** Of the entry of the allowlist that covers it. */
  readonly allowlistEntryId: string | null
  /** Whether the session had events on another partition than its own at that time. */
  readonly incomplete: boolean
}

/** The primary key: which session did what, when. Windows start at whole panes, so a Date holds `windowStart` exactly. */
export type AnomalyKey = Pick<AnomalyRow, 'windowStart' | 'sessionId' | 'ruleId' | 'mode'> & {
  /** The topic that the anomaly is of; needed for one of a fresh log, whose rows are in tables of their own. */
  readonly topic?: string | undefined
}

export interface AnomalyFilter {
  /** Only this topic's; those of a fresh log are in no other list. */
  readonly topic?: string | undefined
  readonly sessionId?: string | undefined
  readonly ruleId?: string | undefined
  readonly status?: AnomalyRow['status'] | undefined
  readonly mode?: AnomalyRow['mode'] | undefined
  readonly verdict?: Verdict | undefined
  readonly isAllowlisted?: boolean | undefined
  /** `window_start >= from`. */
  readonly from?: Date | undefined
  /** `window_start < to`. */
  readonly to?: Date | undefined
}

export interface AnomalyPageRequest extends AnomalyFilter {
  /** Rows at most, 1 or more. */
  readonly limit: number
  /** The key of the last row of the page before; its own row is not repeated. */
  readonly after?: AnomalyKey | undefined
}

export interface AnomalyPage {
  /** Newest window first; within a window by session, rule and mode, descending. */
  readonly rows: AnomalyRow[]
  /** Whether there is a page after this one. */
  readonly hasMore: boolean
  /** Set when the topic is that of a fresh log that does not exist. */
  readonly isUnknownTopic?: true
}

const LIVE_TABLE = 'anomaly_sessions'
const VERDICT = verdictOf('a')
const ALLOWLIST_ENTRY = allowlistEntryOf('a')
/** What stands beside the columns is looked up for the rows of a page alone. @param table where the anomalies are */
const rowOf = (table: string): string =>
  [
    ...Object.entries(getTableColumns(anomalySessions)).map(([field, { name }]) => `a.${name} AS "${field}"`),
    `${VERDICT} AS "verdict"`,
    `${ALLOWLIST_ENTRY} AS "allowlistEntryId"`,
    `EXISTS (SELECT FROM ${table.replace(LIVE_TABLE, 'misplaced_sessions')} m WHERE m.session_id = a.session_id AND m.topic = a.topic
     AND m.first_event < a.window_end AND m.last_event >= a.window_start) AS "incomplete"`,
  ].join(', ')

const KEY_ORDER = 'ORDER BY a.window_start DESC, a.session_id DESC, a.rule_id DESC, a.mode DESC'

/** Pages of these sizes, with no filter but the cursor, are what callers ask for again and again: planned once. */
const PREPARED_LIMITS: readonly number[] = [5, 10, 20, 50, 100]

/**
 * One page of anomalies. It reads backwards along the primary key, newest day first, and stops at the first row beyond
 * the page: its cost follows the limit and not the table, as long as the filters match often.
 * @throws GRD_STORE_*
 */
export async function listAnomalies(db: Queryable, request: AnomalyPageRequest): Promise<AnomalyPage> {
  const { limit, after, ...filter } = request
  const table = await tableOf(db, request.topic)
  if (table === undefined) return { rows: [], hasMore: false, isUnknownTopic: true }
  const params: unknown[] = []
  const param = (value: unknown): string => `$${params.push(value)}`
  const where = conditions(request, param)
  const isPrepared = PREPARED_LIMITS.includes(limit) && Object.values(filter).every((value) => value === undefined)
  // In the text, so that the one plan of a prepared statement is for so many rows.
  const atMost = isPrepared ? String(limit + 1) : param(limit + 1)
  const text = `SELECT ${rowOf(table)} FROM ${table} a ${whereOf(where)} ${KEY_ORDER} LIMIT ${atMost}`
  const name = `anomalies ${limit}${after === undefined ? '' : ' after'}`
  const { rows } = await db.query<AnomalyRow>(text, params, isPrepared ? { name } : {})
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit }
}

/** One anomaly by its key. @returns undefined when there is none @throws GRD_STORE_* */
export async function getAnomaly(db: Queryable, of: AnomalyKey): Promise<AnomalyRow | undefined> {
  const table = await tableOf(db, of.topic)
  if (table === undefined) return undefined
  const text = `SELECT ${rowOf(table)} FROM ${table} a
    WHERE a.window_start = $1 AND a.session_id = $2 AND a.rule_id = $3 AND a.mode = $4`
  const { rows } = await db.query<AnomalyRow>(
    text,
    keyValues(of),
    table === LIVE_TABLE ? { name: 'anomaly-by-key' } : {},
  )
  return rows[0]
}

/** Where the anomalies of a topic are. @returns undefined when it is that of a fresh log that does not exist */
async function tableOf(db: Queryable, topic: string | undefined): Promise<string | undefined> {
  const log = topic === undefined ? undefined : freshLogOfTopic(topic)
  if (log === undefined) return LIVE_TABLE
  return (await hasFreshLog(db, log)) ? `${log.schema}.${LIVE_TABLE}` : undefined
}

const whereOf = (conditions: readonly string[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`

const keyValues = ({ windowStart, sessionId, ruleId, mode }: AnomalyKey): [Date, string, string, string] => [
  windowStart,
  sessionId,
  ruleId,
  mode,
]

/** @param param adds a value and gives its place in the text */
function conditions(
  { topic, sessionId, ruleId, status, mode, verdict, isAllowlisted, from, to, after }: AnomalyPageRequest,
  param: (value: unknown) => string,
): string[] {
  const found: string[] = []
  if (topic !== undefined) found.push(`a.topic = ${param(topic)}`)
  if (sessionId !== undefined) found.push(`a.session_id = ${param(sessionId)}`)
  if (ruleId !== undefined) found.push(`a.rule_id = ${param(ruleId)}`)
  if (status !== undefined) found.push(`a.status = ${param(status)}`)
  if (mode !== undefined) found.push(`a.mode = ${param(mode)}`)
  if (verdict !== undefined) found.push(`${VERDICT} = ${param(verdict)}`)
  if (isAllowlisted !== undefined) found.push(`(${ALLOWLIST_ENTRY} IS NOT NULL) = ${param(isAllowlisted)}`)
  if (from !== undefined) found.push(`a.window_start >= ${param(from)}`)
  if (to !== undefined) found.push(`a.window_start < ${param(to)}`)
  // The row comparison seeks in the index; only the plain one lets PostgreSQL leave out the days after the cursor.
  if (after !== undefined) {
    const places = keyValues(after).map(param)
    found.push(
      `a.window_start <= ${places[0]}`,
      `(a.window_start, a.session_id, a.rule_id, a.mode) < (${places.join(', ')})`,
    )
  }
  return found
}
