import { TOPICS } from '../../domain/events.js'
import { asAdmin } from './api-keys.js'
import type { DetectionStage } from './detection-stage.js'
import { askBrokers } from './kafka-admin.js'
import { operations } from './serve-api.js'
import type { StageApi } from './stage-api.js'

/** What the database says besides the fresh logs: every row of every table. */
const TABLES = `
SELECT c.relname AS "table" FROM pg_catalog.pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`

/** They differ from one answer to the next, whatever is ingested. */
const VOLATILE = /^(generated_ts|request_id|from|to|last_used_ts)$/

const withoutVolatile = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(withoutVolatile)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([name]) => !VOLATILE.test(name))
            .map(([name, inner]) => [name, withoutVolatile(inner)]),
        )
      : value

/** Every figure of the API that takes no parameter, the gauges of its metrics, every table, and the ends of every topic. */
export async function everyFigure(stage: DetectionStage, api: StageApi) {
  const answers: Record<string, unknown> = {}
  for (const { method, path, answers: said } of Object.values(operations)) {
    const isFigure =
      method === 'get' && !path.includes('{') && !/stream|docs|openapi|livez|readyz|health|schedules|^\/$/.test(path)
    if (!isFigure || !('200' in said)) continue
    const answer = await fetch(`${api.url}${path}`, { headers: asAdmin })
    const isJson = answer.headers.get('content-type')?.includes('json;') === true
    answers[path] = [answer.status, isJson ? withoutVolatile(await answer.json()) : await answer.text()]
  }
  const { rows: tables } = await stage.db.query<{ table: string }>(TABLES)
  const rows: Record<string, unknown> = {}
  for (const { table } of tables) {
    const found = await stage.db.query(`SELECT to_jsonb(t) AS row FROM public.${table} t ORDER BY to_jsonb(t)::text`)
    rows[table] = withoutVolatile(found.rows)
  }
  const ends: Record<string, unknown> = {}
  await askBrokers(stage.brokers, async (admin) => {
    for (const topic of Object.values(TOPICS)) ends[topic] = await admin.fetchTopicOffsets(topic)
  })
  const gauges = (await api.metrics())
    .split('\n')
    .filter((line) => /^guardian_(anomal|late|lag|missing|complete|records|stalled)/.test(line))
  return { answers, rows, ends, gauges }
}
