import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GuardianError } from '../../domain/errors.js'
import type { ReconciledAnomaly } from '../../domain/reconciliation/compare-anomalies.js'
import type { LogPart, RulePart, TickPart } from '../../domain/reconciliation/log-parts.js'
import { sqlText, type DuckDb } from '../../platform/duckdb/duckdb.js'
import { withScratchDuckDb } from '../../platform/duckdb/scratch-duckdb.js'
import { packageRoot } from '../../platform/package-root.js'
import { archivedTable } from '../archive-sql.js'

/** What the anomalies of a day are recomputed from. */
export interface ReconcileQuestion {
  /** Paths that DuckDB can open, each with the log that its rows are of. */
  readonly files: readonly { readonly path: string; readonly log: number }[]
  /** Older logs first. */
  readonly parts: readonly LogPart[]
  readonly rules: readonly RulePart[]
  readonly ticks: readonly TickPart[]
  readonly fromMs: number
  readonly toMs: number
  readonly allowedLatenessMs: number
}

export interface ReconcilerSettings {
  readonly memoryLimitBytes: number
  readonly threads: number
  /** Interrupts the statement that runs. */
  readonly signal?: AbortSignal
}

/** How the SQL knows each kind of rule; it was written once more for it, and shares nothing with the detector's. */
const LIMITS: Readonly<
  Record<string, (p: Readonly<Record<string, number>>) => readonly [items: string, ratio: string]>
> = {
  HIGH_FREQUENCY: () => ['NULL', 'NULL'],
  BOT_LIKE: (p) => [String(p['maxDistinctItems']), 'NULL'],
  LOW_DIVERSITY_RATIO: (p) => ['NULL', String(p['maxDistinctRatio'])],
}

/**
 * The anomalies that the archive gives, by SQL alone.
 * @throws GRD_BAD_RULE for a kind of rule that the SQL does not know
 */
export async function recomputeAnomalies(
  question: ReconcileQuestion,
  settings: ReconcilerSettings,
): Promise<ReconciledAnomaly[]> {
  if (question.files.length === 0 || question.rules.length === 0) return []
  return withScratchDuckDb(settings, (db) => ask(db, question))
}

async function ask(db: DuckDb, question: ReconcileQuestion): Promise<ReconciledAnomaly[]> {
  const { files, parts, rules, ticks, fromMs, toMs, allowedLatenessMs } = question
  const logs = [...new Set(files.map(({ log }) => log))].map((log) => {
    const own = files.filter((file) => file.log === log).map(({ path }) => path)
    return `SELECT *, ${log} AS log FROM ${archivedTable(own)}`
  })
  await db.run(`CREATE VIEW archived_click AS ${logs.join(' UNION ALL BY NAME ')}`)
  await db.run(
    `CREATE TABLE log_part AS SELECT * FROM (VALUES ${parts
      .map((p, part) => `(${part}, ${p.kafka_partition}, ${p.log}, ${p.before_ms}::BIGINT, ${p.last_ms}::BIGINT)`)
      .join(',')}) AS p (part, kafka_partition, log, before_ms, last_ms)`,
  )
  await db.run(
    `CREATE TABLE rule_of_log (kafka_partition INTEGER, log INTEGER, from_offset BIGINT, to_offset BIGINT, rule_id VARCHAR,
       rule_version INTEGER, mode VARCHAR, window_ms BIGINT, slide_ms BIGINT, min_events BIGINT, max_items BIGINT, max_ratio DOUBLE)`,
  )
  await db.run(`INSERT INTO rule_of_log VALUES ${rules.map(ruleValues).join(',')}`)
  await db.run(
    'CREATE VIEW rule_part AS SELECT l.part, r.* FROM rule_of_log r JOIN log_part l ON l.kafka_partition = r.kafka_partition AND l.log = r.log',
  )
  await db.run('CREATE TABLE tick_of_log (kafka_partition INTEGER, log INTEGER, kafka_offset BIGINT, tick_ms BIGINT)')
  if (ticks.length > 0)
    await db.run(
      `INSERT INTO tick_of_log VALUES ${ticks.map((t) => `(${t.kafka_partition}, ${t.log}, ${t.kafka_offset}, ${t.tick_ms})`).join(',')}`,
    )
  const windows = rules.map(({ parameters: p }) => ({ size: p['windowMs'] ?? 0, slide: p['slideMs'] ?? 1 }))
  const numbers = {
    from_ms: fromMs,
    to_ms: toMs,
    lateness_ms: allowedLatenessMs,
    longest_ms: Math.max(...windows.map(({ size }) => size)),
    most_slides: Math.max(...windows.map(({ size, slide }) => Math.ceil(size / slide))),
  }
  let sql = await readFile(join(packageRoot, 'activities', 'reconcile', 'anomalies.sql'), 'utf8')
  for (const [name, value] of Object.entries(numbers)) sql = sql.replaceAll(`:${name}`, String(value))
  return db.rows<ReconciledAnomaly>(sql)
}

function ruleValues({ kind, parameters: p, ...rule }: ReconcileQuestion['rules'][number]): string {
  const limits = LIMITS[kind]
  if (!limits) throw new GuardianError('GRD_BAD_RULE', `reconciliation does not know rules of kind ${kind}`)
  const to = rule.to_offset ?? Number.MAX_SAFE_INTEGER
  const values = [
    rule.kafka_partition,
    rule.log,
    rule.from_offset,
    to,
    sqlText(rule.rule_id),
    rule.rule_version,
    sqlText(rule.mode),
  ]
  return `(${[...values, p['windowMs'], p['slideMs'], p['minEvents'], ...limits(p)].join(', ')})`
}
