/** Publishes figures of which every number is N once: a process of its own, so that it can be killed between two steps. */
import { pino } from 'pino'
import { openPool } from '../../db/pool.js'
import { publishFigures, raiseFence, stageFigures } from '../../db/stores/kpi.js'
import { figuresOf, METRIC_NAMES } from '../../domain/kpi/figures.js'
import { parseUtcDay } from '../../domain/utc-day.js'
import { NOTHING_LEFT_OUT } from '../support/figure-inputs.js'

const { DATABASE_URL: url = '', DAY = '', N = '' } = process.env
const n = Number(N)
const figures = figuresOf({
  metrics: ['all', 'clean', 'flagged'].map((traffic) => ({
    traffic,
    ...Object.fromEntries(METRIC_NAMES.map((name) => [name, n])),
  })),
  revenue: [{ traffic: 'all', currency: 'EUR', amount: n }],
  items: Array.from({ length: 100 }, (_, i) => ({
    ...{ traffic: 'all', ranking: 'views', place: i + 1, item_id: `i${i}`, amount: n },
  })),
  funnel: [{ traffic: 'all', step: 'viewed', sessions: n }],
})
const settings = { max: 1, connectTimeoutMs: 5_000, statementTimeoutMs: 30_000, lockTimeoutMs: 30_000 }
const { value: db, stop } = await openPool(
  { url, ...settings, applicationName: 'publisher' },
  pino({ level: 'silent' }),
)
const day = parseUtcDay(DAY)
const fence = await raiseFence(db, day)
const inputs = {
  archiveVersion: n,
  archivedRows: n,
  flaggedSessions: 0,
  flaggedDigest: 'none',
  isUnusual: false,
  ...NOTHING_LEFT_OUT,
}
await stageFigures(db, day, fence, figures, inputs)
await publishFigures(db, day, fence)
await stop()
