import { Command } from 'commander'
import type { Anomaly } from '../domain/detection/anomaly.js'
import type { LogReplay, SessionStep } from '../domain/detection/log-replay.js'
import type { Database } from '../db/pool.js'
import { getAnomaly, type AnomalyRow } from '../db/read-models/anomalies.js'
import { readPartitionHistory } from '../db/read-models/partition-history.js'
import { anomalyIdOf, parseAnomalyId } from '../schemas/rest/anomaly-id.js'
import { UsageError } from './cli-error.js'
import { differences, type Difference } from './recheck/compare-rows.js'
import { describeSteps, type DescribedStep } from './recheck/describe-steps.js'
import { partitionLog, rulesFrom, type PartitionLog } from './recheck/partition-log.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { wholeNumber } from './whole-number.js'
import { withDatabase } from './with-database.js'

interface ExplainWords {
  readonly context: string
  readonly maxRecords: string
  readonly rows: string
  readonly json?: boolean
}

const EXPLANATION = `
ANOMALY is the id that GET /anomalies gives. The log is read again up to the record that made the stored row, and decided
once more by the code that decides it live, with the rules that were in force. What came before the first event is read
as far as --context says; when the result differs from the stored row, ever more of it, so that a difference is never
one of too little context. Exit code 0: the stored row is what the log says. 1: it is not, or Kafka no longer has the log.`

/** `guardian explain`: why an anomaly was raised, from the log itself, and whether the stored row says the same. */
export const explainCommand = (): Command =>
  new Command('explain')
    .description('say why an anomaly was raised, by reading its part of the log once more')
    .argument('<anomaly>', 'id of an anomaly, as GET /anomalies gives it')
    .option('--context <records>', 'read so many records before its first event', '50000')
    .option('--max-records <n>', 'read at most so many records before its first event', '5000000')
    .option('--rows <n>', 'show so many events; the JSON document has all', '20')
    .option('--json', 'print one JSON document')
    .addHelpText('after', EXPLANATION)
    .action((anomaly: string, words: ExplainWords) =>
      runCommand(words, (terminal) => explain(anomaly, words, terminal)),
    )

async function explain(id: string, words: ExplainWords, terminal: Terminal): Promise<CommandResult> {
  const key = parseAnomalyId(id)
  if (!key) throw new UsageError(`${id} is no id of an anomaly; GET /anomalies lists them`)
  const context = wholeNumber('--context', words.context, 1_000_000_000)
  const maxRecords = wholeNumber('--max-records', words.maxRecords, 1_000_000_000)
  const shown = wholeNumber('--rows', words.rows, 1_000_000)
  const read = async (db: Database) => {
    const row = await getAnomaly(db, key)
    return { row, history: row && (await readPartitionHistory(db, row.topic, row.kafkaPartition)) }
  }
  const { row, history } = await withDatabase(terminal, read, key.topic)
  if (!row || !history) throw new Error('there is no such anomaly: it may be older than what is kept')
  const log = partitionLog(terminal)
  const low = (await log.offsets(row.topic)).find(({ partition }) => partition === row.kafkaPartition)?.low ?? Infinity
  if (low > row.firstOffset)
    throw new Error(
      `${row.topic}/${row.kafkaPartition} begins at offset ${low}; the first event of the anomaly, at ${row.firstOffset}, is gone`,
    )
  const changes = rulesFrom(history)
  const verdict = await recompute(log, row, changes, { low, context, maxRecords })
  return resultOf(row, verdict, shown)
}

interface Verdict {
  readonly fromOffset: number
  readonly low: number
  readonly replay: LogReplay
  readonly recomputed: Anomaly | undefined
  readonly differences: readonly Difference[]
}

/** A short context can only take too many events for new ones, so agreement needs no more, and disagreement does. */
async function recompute(
  log: PartitionLog,
  row: AnomalyRow,
  changes: Parameters<PartitionLog['replay']>[1],
  limits: { readonly low: number; readonly context: number; readonly maxRecords: number },
): Promise<Verdict> {
  const { topic, kafkaPartition: partition, firstOffset, asOfOffset } = row
  const earliest = Math.max(limits.low, firstOffset - Math.max(limits.context, limits.maxRecords))
  for (let context = limits.context; ; context = Math.max(1, context) * 10) {
    const from = Math.max(earliest, firstOffset - context)
    const replay = await log.replay({ topic, partition, from, to: asOfOffset + 1 }, changes, row.sessionId)
    const recomputed = replay
      .rows()
      .find(
        ({ ruleId, mode, windowStartMs }) =>
          ruleId === row.ruleId && mode === row.mode && windowStartMs === row.windowStart.getTime(),
      )
    const found = recomputed
      ? differences(row, recomputed)
      : [{ field: 'anomaly', stored: row.status, recomputed: 'not raised' }]
    if (found.length === 0 || from <= earliest)
      return { fromOffset: from, low: limits.low, replay, recomputed, differences: found }
  }
}

function resultOf(row: AnomalyRow, verdict: Verdict, shown: number): CommandResult {
  const { fromOffset, low, replay, recomputed, differences: found } = verdict
  const window = { startMs: row.windowStart.getTime(), endMs: row.windowEnd.getTime() }
  const inWindow = replay.steps.filter((step) => concerns(step, window))
  const steps = describeSteps(inWindow, recomputed?.evidence.crossed.offset)
  const agrees = found.length === 0
  const read = { from_offset: fromOffset, to_offset: row.asOfOffset + 1, from_log_start: fromOffset <= low }
  const rule = { id: row.ruleId, version: row.ruleVersion, mode: row.mode, ...ruleOf(row) }
  const document = {
    id: anomalyIdOf(row),
    session_id: row.sessionId,
    rule,
    window_start: row.windowStart.toISOString(),
    window_end: row.windowEnd.toISOString(),
    topic: row.topic,
    kafka_partition: row.kafkaPartition,
    read,
    status: { stored: row.status, recomputed: recomputed?.status ?? null },
    agrees,
    differences: found,
    events: steps,
  }
  return { document, lines: linesOf(row, steps, verdict, shown), complete: agrees }
}

const ruleOf = ({ evidence }: AnomalyRow): object => {
  const rule = evidence['rule']
  return typeof rule === 'object' && rule !== null ? { evidence: rule } : {}
}

/** The session's records in the window, and its dead ones of which nobody knows the time. */
const concerns = ({ event }: SessionStep, { startMs, endMs }: { startMs: number; endMs: number }): boolean =>
  event === undefined || (event.event_ts >= startMs && event.event_ts < endMs)

function linesOf(row: AnomalyRow, steps: readonly DescribedStep[], verdict: Verdict, shown: number): string[] {
  const { recomputed, differences: found, fromOffset } = verdict
  const { min_events: least, max_distinct_items: most } = recomputed?.evidence.threshold ?? {}
  const needs = recomputed
    ? ` It needs ${String(least)} events${typeof most === 'number' ? ` and at most ${most} different items` : ''}.`
    : ''
  // The first ones, those around the crossing, and the last one say it; the rest is more of the same.
  const crossing = steps.findIndex((step) => step.crossed)
  const picked = steps.filter(
    (step, i) => step.crossed || Math.abs(i - crossing) <= shown / 4 || i < shown / 4 || i >= steps.length - shown / 4,
  )
  return [
    `${row.ruleId} version ${row.ruleVersion} (${row.mode}) on session ${row.sessionId}, ${row.windowStart.toISOString()} to ${row.windowEnd.toISOString()}.${needs}`,
    `Read ${row.topic}/${row.kafkaPartition} from offset ${fromOffset} to ${row.asOfOffset}.`,
    '',
    `${'offset'.padStart(10)}  ${'event time'.padEnd(24)}  ${'fate'.padEnd(9)}  ${'events'.padStart(6)}  ${'items'.padStart(5)}`,
    ...picked.map(
      (step) =>
        `${String(step.offset).padStart(10)}  ${(step.event_ts ?? '?').padEnd(24)}  ${step.fate.padEnd(9)}  ` +
        `${String(step.events).padStart(6)}  ${String(step.distinct_items).padStart(5)}  ${step.why}`,
    ),
    ...(picked.length < steps.length ? [`${''.padStart(10)}  ... ${steps.length - picked.length} more`] : []),
    '',
    recomputed
      ? `The log says: ${recomputed.status} with ${recomputed.eventCount} events on ${recomputed.distinctItems} different items.`
      : 'The log says: not raised.',
    ...(found.length === 0
      ? ['The stored row says the same.']
      : found.map(
          ({ field, stored, recomputed: now }) =>
            `The stored row differs in ${field}: ${JSON.stringify(stored)}, and the log says ${JSON.stringify(now)}.`,
        )),
  ]
}
