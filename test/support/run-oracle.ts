import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { packageRoot } from '../../platform/package-root.js'

/** A record as the oracle reads it: bytes as base64, times in milliseconds since the epoch. */
export interface DumpedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  /** Every value of each header, as base64. */
  readonly headers: Readonly<Record<string, readonly string[]>>
}

/** A row of `anomaly_sessions` as the log alone determines it; times in milliseconds since the epoch. */
export interface OracleRow {
  readonly session_id: string
  readonly user_id: string | null
  readonly rule_id: string
  readonly rule_version: number
  readonly window_start: number
  readonly window_end: number
  readonly event_count: number
  readonly distinct_items: number
  readonly status: string
  readonly topic: string
  readonly kafka_partition: number
  readonly first_offset: number
  readonly last_offset: number
  readonly as_of_offset: number
  readonly produced_ts: number
  readonly kafka_ts: number
}

export interface OracleFates {
  readonly topic: string
  readonly partition: number
  readonly accepted: number
  readonly duplicate: number
  readonly late: number
  readonly dead: number
}

export interface OracleReport {
  readonly rows: OracleRow[]
  readonly dead: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly code: string
  }[]
  readonly late: { readonly topic: string; readonly partition: number; readonly offset: number }[]
  readonly fates: OracleFates[]
  readonly log: { readonly topic: string; readonly partition: number; readonly records: number }[]
}

export interface OracleOptions {
  /** Schema id → which record it is. */
  readonly schemas: Readonly<Record<number, 'click' | 'purchase'>>
  /** Window ms, slide ms, fewest events. */
  readonly highFrequency?: readonly [number, number, number]
  /** Window ms, slide ms, fewest events, most items. */
  readonly botLike?: readonly [number, number, number, number]
  /** Window ms, slide ms, fewest events, most items in a thousand events; the rule is off unless it is given. */
  readonly lowDiversity?: readonly [number, number, number, number]
  readonly ruleVersion?: number
  /** The allowed lateness; 30 s unless it is given. */
  readonly latenessMs?: number
  /** The largest value that is no dead letter; 1 MiB unless it is given. */
  readonly maxRecordBytes?: number
}

export const oracleFolder = join(packageRoot, 'test', 'oracle')

/**
 * Asks the oracle, a separate Python program that shares nothing with the product.
 * @param dump a file of JSON lines, or the records themselves
 * @throws when Python is missing or the oracle fails
 */
export async function runOracle(dump: string | readonly DumpedRecord[], options: OracleOptions): Promise<OracleReport> {
  const args = ['-B', join(oracleFolder, 'oracle.py'), typeof dump === 'string' ? dump : '-']
  for (const [id, name] of Object.entries(options.schemas)) args.push('--schema', `${id}=${name}`)
  if (options.highFrequency) args.push('--high-frequency', options.highFrequency.join(','))
  if (options.botLike) args.push('--bot-like', options.botLike.join(','))
  if (options.lowDiversity) args.push('--low-diversity', options.lowDiversity.join(','))
  if (options.latenessMs !== undefined) args.push('--lateness-ms', String(options.latenessMs))
  if (options.maxRecordBytes !== undefined) args.push('--max-record-bytes', String(options.maxRecordBytes))
  if (options.ruleVersion !== undefined) args.push('--rule-version', String(options.ruleVersion))
  const child = spawn('python3', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin.on('error', () => undefined) // an oracle that has failed says so by its exit code
  child.stdin.end(typeof dump === 'string' ? '' : dump.map((record) => `${JSON.stringify(record)}\n`).join(''))
  const report: OracleReport = { rows: [], dead: [], late: [], fates: [], log: [] }
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [kind, part] of Object.entries(JSON.parse(line) as Record<string, never>))
      report[`${kind}${kind === 'row' ? 's' : ''}` as keyof OracleReport].push(part)
  }
  const code = await exited
  if (code !== 0) throw new Error(`the oracle ended with code ${String(code)}`)
  return report
}

/** The sum of one fate over all partitions of a topic. */
export const totalFate = (
  report: OracleReport,
  topic: string,
  fate: 'accepted' | 'duplicate' | 'late' | 'dead',
): number => report.fates.filter((fates) => fates.topic === topic).reduce((sum, fates) => sum + fates[fate], 0)
