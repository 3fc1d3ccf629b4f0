import { and, desc, eq, getTableColumns, gte, lt, lte, sql, type SQL } from 'drizzle-orm'
import type { Verdict } from '../../domain/review/verdict.js'
import type { Queryable } from '../pool.js'
import { anomalySessions } from '../tables/anomaly-sessions.js'
import { allowlistEntryOf, verdictOf } from './review.js'

/** A row of `anomaly_sessions`, and what people have said of it. */
export type AnomalyRow = typeof anomalySessions.$inferSelect & {
  readonly verdict: Verdict
  /** Of the entry of the allowlist that covers it. */
  readonly allowlistEntryId: string | null
}

/** The primary key: which session did what, when. Windows start at whole panes, so a Date holds `windowStart` exactly. */
export type AnomalyKey = Pick<AnomalyRow, 'windowStart' | 'sessionId' | 'ruleId' | 'mode'>

export interface AnomalyFilter {
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
}

const t = anomalySessions
/** What stands beside the columns is looked up for the rows of a page alone. */
const row = {
  ...getTableColumns(t),
  verdict: sql<Verdict>`${sql.raw(verdictOf('anomaly_sessions'))}`,
  allowlistEntryId: sql<string | null>`${sql.raw(allowlistEntryOf('anomaly_sessions'))}`,
}
const key = sql`(${t.windowStart}, ${t.sessionId}, ${t.ruleId}, ${t.mode})`

/**
 * One page of anomalies. It reads backwards along the primary key, newest day first, and stops at the first row beyond
 * the page: its cost follows the limit and not the table, as long as the filters match often.
 * @throws GRD_STORE_*
 */
export async function listAnomalies(db: Queryable, request: AnomalyPageRequest): Promise<AnomalyPage> {
  const rows = await db.select((orm) =>
    orm
      .select(row)
      .from(t)
      .where(and(...conditions(request)))
      .orderBy(desc(t.windowStart), desc(t.sessionId), desc(t.ruleId), desc(t.mode))
      .limit(request.limit + 1),
  )
  return { rows: rows.slice(0, request.limit), hasMore: rows.length > request.limit }
}

/** One anomaly by its key. @returns undefined when there is none @throws GRD_STORE_* */
export async function getAnomaly(db: Queryable, of: AnomalyKey): Promise<AnomalyRow | undefined> {
  const [found] = await db.select((orm) =>
    orm
      .select(row)
      .from(t)
      .where(
        and(
          eq(t.windowStart, of.windowStart),
          eq(t.sessionId, of.sessionId),
          eq(t.ruleId, of.ruleId),
          eq(t.mode, of.mode),
        ),
      )
      .limit(1),
  )
  return found
}

function conditions({
  sessionId,
  ruleId,
  status,
  mode,
  verdict,
  isAllowlisted,
  from,
  to,
  after,
}: AnomalyPageRequest): SQL[] {
  const found: SQL[] = []
  if (sessionId !== undefined) found.push(eq(t.sessionId, sessionId))
  if (ruleId !== undefined) found.push(eq(t.ruleId, ruleId))
  if (status !== undefined) found.push(eq(t.status, status))
  if (mode !== undefined) found.push(eq(t.mode, mode))
  if (verdict !== undefined) found.push(sql`${row.verdict} = ${verdict}`)
  if (isAllowlisted !== undefined) found.push(sql`(${row.allowlistEntryId} IS NOT NULL) = ${isAllowlisted}`)
  if (from !== undefined) found.push(gte(t.windowStart, from))
  if (to !== undefined) found.push(lt(t.windowStart, to))
  // The row comparison seeks in the index; only the plain one lets PostgreSQL leave out the days after the cursor.
  if (after !== undefined) {
    const values = sql`(${after.windowStart.toISOString()}::timestamptz, ${after.sessionId}, ${after.ruleId}, ${after.mode})`
    found.push(lte(t.windowStart, after.windowStart), sql`${key} < ${values}`)
  }
  return found
}
