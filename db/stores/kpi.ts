import { GuardianError } from '../../domain/errors.js'
import { compareMetrics, type ChangeCauses, type FigureChange } from '../../domain/kpi/compare-figures.js'
import type { DayFigures, Metrics, Traffic } from '../../domain/kpi/figures.js'
import type { DayBounds } from '../../domain/shop-day.js'
import type { DaySums } from '../../domain/kpi/quarantine.js'
import type { UtcDay } from '../../domain/utc-day.js'
import type { Database, Queryable, Transaction } from '../pool.js'
import { withTransaction } from '../with-transaction.js'

/** What figures were made of. */
export interface FigureInputs {
  readonly archiveVersion: number
  readonly archivedRows: number
  readonly flaggedSessions: number
  readonly flaggedDigest: string
  readonly releasedDigest: string
  /** Records that are not in the figures: waiting for a decision, and dropped by one. */
  readonly quarantinedRecords: number
  readonly droppedRecords: number
  /** How full the sums of the day are. */
  readonly sums: DaySums
  /** In which the day was computed, and from when to when. */
  readonly timeZone: string
  readonly bounds: DayBounds
  /** Says nothing about what is usual: it is not compared with. */
  readonly isUnusual: boolean
}

/** What a publication changed. */
export interface Publication {
  readonly isFirst: boolean
  readonly changes: readonly FigureChange[]
  readonly causes: ChangeCauses
}

/**
 * Begins an attempt to compute a day: from now on, no earlier attempt can publish it.
 * @returns the fence that this attempt publishes with
 * @throws GRD_STORE_*
 */
export async function raiseFence(db: Queryable, day: UtcDay): Promise<number> {
  const { rows } = await db.query<{ fence: number }>(
    `INSERT INTO kpi_days AS k (day, fence) VALUES ($1, 1)
     ON CONFLICT (day) DO UPDATE SET fence = k.fence + 1 RETURNING k.fence`,
    [day],
  )
  return rows[0]?.fence ?? 0
}

/** Keeps figures until they are published. @throws GRD_STORE_* */
export async function stageFigures(
  db: Queryable,
  day: UtcDay,
  fence: number,
  figures: DayFigures,
  inputs: FigureInputs,
): Promise<void> {
  await db.query(
    `INSERT INTO kpi_staging (day, fence, figures, inputs) VALUES ($1, $2, $3, $4)
     ON CONFLICT (day, fence) DO UPDATE SET figures = excluded.figures, inputs = excluded.inputs, staged_ts = now()`,
    [day, fence, JSON.stringify(figures), JSON.stringify(inputs)],
  )
}

/**
 * Publishes staged figures: the day's old rows go and the new ones come in one transaction. Repeating it changes nothing.
 * @throws GRD_FENCED when a later attempt has begun; GRD_COMMIT_UNKNOWN when the answer was lost: repeat it; GRD_STORE_*
 */
export async function publishFigures(db: Database, day: UtcDay, fence: number): Promise<Publication> {
  return withTransaction(db, async (tx) => {
    const state = await lockDay(tx, day)
    if (state.fence !== fence)
      throw new GuardianError('GRD_FENCED', `${day} is computed by attempt ${state.fence}, not ${fence}, by now`)
    if (state.publishedFence === fence && state.publication) return state.publication
    const { figures, inputs } = await staged(tx, day, fence)
    const before = await publishedMetrics(tx, day)
    const publication: Publication = {
      isFirst: before === undefined,
      changes: before ? compareMetrics(before, figures.metrics) : [],
      causes: causesOf(state, inputs),
    }
    await replaceDay(tx, day, figures)
    await tx.query(
      `UPDATE kpi_days k SET published_fence = $2, published_ts = now(), archive_version = $3, archived_rows = $4,
              flagged_sessions = $5, flagged_digest = $6, changes = $7, is_unusual = $8, released_digest = $9,
              quarantined_records = $10, dropped_records = $11, counted_sums = $12,
              time_zone = $13, day_start = $14, day_end = $15 WHERE k.day = $1`,
      [
        day,
        fence,
        inputs.archiveVersion,
        inputs.archivedRows,
        inputs.flaggedSessions,
        inputs.flaggedDigest,
        JSON.stringify(publication),
        inputs.isUnusual,
        inputs.releasedDigest,
        inputs.quarantinedRecords,
        inputs.droppedRecords,
        JSON.stringify(inputs.sums),
        inputs.timeZone,
        new Date(inputs.bounds.fromMs),
        new Date(inputs.bounds.toMs),
      ],
    )
    await tx.query('DELETE FROM kpi_staging s WHERE s.day = $1 AND s.fence <= $2', [day, fence])
    return publication
  })
}

interface LockedDay {
  readonly fence: number
  readonly publishedFence: number | null
  readonly publication: Publication | null
  readonly archivedRows: number | null
  readonly flaggedSessions: number | null
  readonly flaggedDigest: string | null
}

async function lockDay(tx: Transaction, day: UtcDay): Promise<LockedDay> {
  const { rows } = await tx.query<LockedDay>(
    `SELECT k.fence, k.published_fence AS "publishedFence", k.changes AS publication, k.archived_rows AS "archivedRows",
            k.flagged_sessions AS "flaggedSessions", k.flagged_digest AS "flaggedDigest"
       FROM kpi_days k WHERE k.day = $1 FOR UPDATE`,
    [day],
  )
  const [row] = rows
  if (!row) throw new GuardianError('GRD_BAD_INPUT', `${day} was never computed`)
  return row
}

async function staged(tx: Transaction, day: UtcDay, fence: number) {
  const { rows } = await tx.query<{ figures: DayFigures; inputs: FigureInputs }>(
    'SELECT s.figures, s.inputs FROM kpi_staging s WHERE s.day = $1 AND s.fence = $2',
    [day, fence],
  )
  const [row] = rows
  if (!row) throw new GuardianError('GRD_BAD_INPUT', `${day} has no figures of attempt ${fence}`)
  return row
}

const causesOf = (state: LockedDay, inputs: FigureInputs): ChangeCauses => ({
  lateRows: state.archivedRows === null ? 0 : inputs.archivedRows - state.archivedRows,
  flaggedSessionsBefore: state.flaggedSessions ?? 0,
  flaggedSessionsAfter: inputs.flaggedSessions,
  otherVerdicts: state.flaggedDigest !== null && state.flaggedDigest !== inputs.flaggedDigest,
})

async function publishedMetrics(tx: Transaction, day: UtcDay): Promise<Record<Traffic, Metrics> | undefined> {
  const { rows } = await tx.query<Metrics & { traffic: Traffic }>('SELECT m.* FROM daily_metrics m WHERE m.day = $1', [
    day,
  ])
  const of = (traffic: Traffic) => rows.find((row) => row.traffic === traffic)
  const [all, clean, flagged] = [of('all'), of('clean'), of('flagged')]
  return all && clean && flagged && { all, clean, flagged }
}

/** Figures that were staged before there were returns lack them. */
const INSERT_METRICS = `
INSERT INTO daily_metrics (day, traffic, events, sessions, users, page_views, item_views, add_to_carts, remove_from_carts,
  checkouts, purchases, orders, units_sold, returns, units_returned, buying_sessions, session_ms, revenue, returned)
SELECT $1, r.traffic, r.events, r.sessions, r.users, r.page_views, r.item_views, r.add_to_carts, r.remove_from_carts, r.checkouts,
       r.purchases, r.orders, r.units_sold, coalesce(r.returns, 0), coalesce(r.units_returned, 0), r.buying_sessions, r.session_ms,
       r.revenue, coalesce(r.returned, '{}')
  FROM jsonb_to_recordset($2::jsonb) AS r (traffic text, events bigint, sessions bigint, users bigint,
  page_views bigint, item_views bigint, add_to_carts bigint, remove_from_carts bigint, checkouts bigint, purchases bigint,
  orders bigint, units_sold bigint, returns bigint, units_returned bigint, buying_sessions bigint, session_ms bigint,
  revenue jsonb, returned jsonb)`

const INSERT_ITEMS = `
INSERT INTO popular_items (day, traffic, ranking, place, item_id, amount)
SELECT $1, r.* FROM jsonb_to_recordset($2::jsonb) AS r (traffic text, ranking text, place integer, item_id text, amount bigint)`

const INSERT_FUNNEL = `
INSERT INTO conversion_funnel (day, traffic, step, sessions)
SELECT $1, r.* FROM jsonb_to_recordset($2::jsonb) AS r (traffic text, step text, sessions bigint)`

async function replaceDay(tx: Transaction, day: UtcDay, { metrics, items, funnel }: DayFigures): Promise<void> {
  for (const table of ['daily_metrics', 'popular_items', 'conversion_funnel'])
    await tx.query(`DELETE FROM ${table} t WHERE t.day = $1`, [day])
  const metricRows = Object.entries(metrics).map(([traffic, row]) => ({ traffic, ...row }))
  const funnelRows = Object.entries(funnel).flatMap(([traffic, steps]) =>
    Object.entries(steps).map(([step, sessions]) => ({ traffic, step, sessions })),
  )
  await tx.query(INSERT_METRICS, [day, JSON.stringify(metricRows)])
  await tx.query(INSERT_ITEMS, [day, JSON.stringify(items)])
  await tx.query(INSERT_FUNNEL, [day, JSON.stringify(funnelRows)])
}
