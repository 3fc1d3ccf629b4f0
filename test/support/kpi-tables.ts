import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { oracleFolder } from './run-oracle.js'

/** The figures of a day, as the tables have them and as the oracle says. */
export type KpiReport = Readonly<
  Record<
    string,
    {
      readonly metrics: Readonly<Record<string, unknown>>
      readonly items: Readonly<Record<string, readonly (readonly [string, number])[]>>
      readonly funnel: Readonly<Record<string, number>>
    }
  >
>

/** Sessions with an anomaly in force on a day, asked for without any code of the product. */
export async function flaggedOn(db: pg.Pool, day: string): Promise<string[]> {
  const { rows } = await db.query<{ session_id: string }>(
    `SELECT DISTINCT a.session_id FROM anomaly_sessions a
      WHERE a.mode = 'active' AND a.status IN ('open', 'confirmed')
        AND a.window_start < ($1::date + 1)::timestamp AT TIME ZONE 'UTC' AND a.window_end > $1::timestamp AT TIME ZONE 'UTC'`,
    [day],
  )
  return rows.map(({ session_id }) => session_id)
}

/** What the published tables say of a day. */
export async function publishedFigures(db: pg.Pool, day: string): Promise<KpiReport> {
  const metrics = await db.query<Record<string, unknown> & { traffic: string }>(
    'SELECT * FROM daily_metrics WHERE day = $1',
    [day],
  )
  const items = await db.query<{ traffic: string; ranking: string; item_id: string; amount: string }>(
    'SELECT * FROM popular_items WHERE day = $1 ORDER BY traffic, ranking, place',
    [day],
  )
  const funnel = await db.query<{ traffic: string; step: string; sessions: string }>(
    'SELECT * FROM conversion_funnel WHERE day = $1',
    [day],
  )
  return Object.fromEntries(
    metrics.rows.map(({ traffic, revenue, returned, ...counts }) => [
      traffic,
      {
        metrics: {
          ...Object.fromEntries(
            Object.entries(counts)
              .filter(([name]) => name !== 'day')
              .map(([name, value]) => [name, Number(value)]),
          ),
          revenue,
          returned,
        },
        items: Object.fromEntries(
          ['views', 'carts', 'purchases'].map((ranking) => [
            ranking,
            items.rows
              .filter((row) => row.traffic === traffic && row.ranking === ranking)
              .map((row): [string, number] => [row.item_id, Number(row.amount)]),
          ]),
        ),
        funnel: Object.fromEntries(
          funnel.rows.filter((row) => row.traffic === traffic).map(({ step, sessions }) => [step, Number(sessions)]),
        ),
      },
    ]),
  )
}

/** What the figures of a day must be, from a dump of the log: a separate program that shares nothing with the product. */
export function oracleFigures(
  dump: string,
  schemas: Readonly<Record<number, 'click' | 'purchase'>>,
  day: string,
  flagged: readonly string[],
): KpiReport {
  const file = `${dump}.flagged.json`
  writeFileSync(file, JSON.stringify(flagged))
  const args = ['-B', join(oracleFolder, 'kpi_oracle.py'), 'day', dump, '--day', day, '--flagged', file]
  for (const [id, name] of Object.entries(schemas)) args.push('--schema', `${id}=${name}`)
  return JSON.parse(execFileSync('python3', args, { encoding: 'utf8', maxBuffer: 2 ** 28 })) as KpiReport
}
