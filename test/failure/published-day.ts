import type pg from 'pg'
import { ServiceProcess } from '../support/child-process.js'
import type { DetectionStage } from '../support/detection-stage.js'
import { crashWhen, type Patch } from './patched-copy.js'

/** Before each statement of the transaction, before its COMMIT, and before its answer is heard. */
export const PUBLISHING_CRASHES: readonly Patch[] = [
  {
    file: 'db/with-transaction.js',
    from: 'await work(connection);',
    to: `await work(Object.create(connection, { query: { value: (...words) => { ${crashWhen()}return connection.query(...words) } } }));`,
  },
  {
    file: 'db/with-transaction.js',
    from: 'await commit(connection);',
    to: `${crashWhen()}await commit(connection); ${crashWhen()}`,
  },
]
/** Eleven statements, and the COMMIT on both sides. */
export const PUBLISHING_STEPS = 13

const DAY = '2026-10-01'

/** One version of all three tables, whole. */
const READ = `
SELECT (SELECT count(*) FROM daily_metrics m WHERE m.day = $1) = 3
   AND (SELECT count(*) FROM popular_items i WHERE i.day = $1) = 100
   AND (SELECT count(*) FROM conversion_funnel f WHERE f.day = $1) = 12
   AND (SELECT count(DISTINCT n) FROM (
          SELECT m.events AS n FROM daily_metrics m WHERE m.day = $1 UNION SELECT i.amount FROM popular_items i WHERE i.day = $1
          UNION SELECT f.sessions FROM conversion_funnel f WHERE f.day = $1 AND f.traffic = 'all' AND f.step = 'viewed') x) = 1 AS whole,
       (SELECT max(m.events) FROM daily_metrics m WHERE m.day = $1)::int AS version`

/**
 * Publishes version `n` of a day by a process of its own.
 * @param crashAfter the step before which it is killed; 0 for none
 * @returns its exit code; null when it was killed
 */
export const publishDay = (
  stage: DetectionStage,
  root: string,
  n: number,
  crashAfter: number,
): Promise<number | null> => {
  const env = { ...stage.env, DAY, N: String(n), CRASH_AFTER: String(crashAfter) }
  return new ServiceProcess('test/failure/publish-day.js', env, root).exited
}

/** What a reader sees of that day, in one query. */
export async function readDay(db: pg.Pool): Promise<{ readonly whole: boolean; readonly version: number }> {
  const { rows } = await db.query<{ whole: boolean; version: number | null }>(READ, [DAY])
  return { whole: rows[0]?.whole === true, version: rows[0]?.version ?? 0 }
}
