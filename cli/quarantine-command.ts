import { Command, Option } from 'commander'
import type { Database } from '../db/pool.js'
import { listQuarantine, type QuarantinedRow } from '../db/read-models/quarantine.js'
import { decideRecord, type DecisionOutcome } from '../db/stores/quarantine.js'
import {
  describeReason,
  parseQuarantineId,
  QUARANTINE_DECISIONS,
  QUARANTINE_REASONS,
  QUARANTINE_STATES,
  quarantineIdOf,
  type QuarantineDecision,
  type QuarantineKey,
  type QuarantineReason,
  type QuarantineState,
} from '../domain/kpi/quarantine.js'
import { parseUtcDay } from '../domain/utc-day.js'
import { changeByShell } from './change-by-shell.js'
import { UsageError } from './cli-error.js'
import { asUsage } from './as-usage.js'
import { runCommand, type CommandResult } from './terminal.js'
import { wholeNumber } from './whole-number.js'
import { withDatabase } from './with-database.js'

interface ListWords {
  readonly day?: string
  readonly state: QuarantineState | 'all'
  readonly reason?: QuarantineReason
  readonly limit: string
  readonly json?: boolean
}

interface DecideWords extends Pick<ListWords, 'day' | 'reason' | 'json'> {
  readonly comment?: string
}

const MOST_LISTED = 10_000

/** `guardian kpi quarantine`: records that the figures of their day leave out, and what a person decides on them. */
export function quarantineCommand(): Command {
  const quarantine = new Command('quarantine').description(
    'records that a day was published without: inspect and decide',
  )
  withFilter(quarantine.command('list'))
    .description('the records, with what they say and why they are left out')
    .addOption(new Option('--state <state>', 'state').choices([...QUARANTINE_STATES, 'all']).default('quarantined'))
    .option('--limit <n>', 'records at most', '100')
    .action((words: ListWords) => runCommand(words, (terminal) => withDatabase(terminal, (db) => list(db, words))))
  const decisions = {
    release: 'count records from the next run of their day on',
    drop: 'leave records out for good',
  } as const
  for (const [decision, description] of Object.entries(decisions))
    withFilter(quarantine.command(decision))
      .description(`${description}; a decision can be changed`)
      .argument('[ids...]', 'ids of records; or --day, for all that wait for a decision on it')
      .option('--comment <text>', 'why, for the audit log')
      .action((ids: string[], words: DecideWords) =>
        runCommand(words, (terminal) =>
          withDatabase(terminal, (db) => decide(db, decision as QuarantineDecision, ids, words)),
        ),
      )
  return quarantine
}

const withFilter = (command: Command): Command =>
  command
    .option('--day <YYYY-MM-DD>', 'only records of this day')
    .addOption(new Option('--reason <reason>', 'only records with this reason').choices(QUARANTINE_REASONS))
    .option('--json', 'print one JSON document')

const filterOf = ({ day, reason }: Pick<ListWords, 'day' | 'reason'>) => ({
  day: day === undefined ? undefined : asUsage(() => parseUtcDay(day)),
  reason,
})

async function list(db: Database, words: ListWords): Promise<CommandResult> {
  const { state } = words
  const limit = wholeNumber('--limit', words.limit, MOST_LISTED, 1)
  const rows = await listQuarantine(db, { ...filterOf(words), ...(state === 'all' ? {} : { state }), limit })
  const shown = rows.slice(0, limit)
  const isAll = rows.length === shown.length
  return {
    document: { records: shown.map((row) => ({ id: idOf(row), ...row })), is_all: isAll },
    lines: [
      ...shown.flatMap(describe),
      ...(shown.length === 0 ? [`no record${state === 'all' ? ' is or was in quarantine' : ` is ${state}`}`] : []),
      ...(isAll ? [] : [`there are more: only the first ${limit} are shown (--limit)`]),
      ...(shown.some((row) => row.state === 'quarantined')
        ? ['to decide: guardian kpi quarantine release|drop ID..., then guardian kpi run --day DAY']
        : []),
    ],
    complete: true,
  }
}

function describe(row: QuarantinedRow): string[] {
  const said = Object.entries(row.fields).map(([name, value]) => `${name} ${value ?? 'missing'}`)
  const decided =
    row.decidedByName === null ? '' : ` by ${row.decidedByName}${row.comment === null ? '' : `: ${row.comment}`}`
  return [
    `${idOf(row)} of ${row.day}: ${row.state}${decided}`,
    `  ${row.reason}: ${describeReason(row)}`,
    `  ${row.topic}/${row.partition} offset ${row.offset}, event ${row.eventId} at ${row.eventTs.toISOString()}, ` +
      `session ${row.sessionId}, source ${row.source ?? 'unknown'}`,
    `  ${said.join(', ')}`,
  ]
}

async function decide(
  db: Database,
  decision: QuarantineDecision,
  ids: readonly string[],
  words: DecideWords,
): Promise<CommandResult> {
  const keys = await keysOf(db, ids, words)
  const done: { id: string; outcome: DecisionOutcome }[] = []
  for (const key of keys)
    done.push({
      id: quarantineIdOf(key),
      outcome: await decideRecord(db, key, decision, words.comment ?? null, changeByShell()),
    })
  const days = [...new Set(done.flatMap(({ outcome }) => (outcome.kind === 'decided' ? [outcome.row.day] : [])))].sort()
  const failed = done.filter(({ outcome }) => outcome.kind !== 'decided')
  return {
    document: {
      decision,
      decided: done.length - failed.length,
      records: done.map(({ id, outcome }) => ({ id, outcome: outcome.kind, reason: whyNot(outcome) ?? null })),
      days,
    },
    lines: [
      ...done.map(({ id, outcome }) => `${id}: ${whyNot(outcome) ?? QUARANTINE_DECISIONS[decision]}`),
      ...(done.length === 0 ? ['no record waits for a decision there'] : []),
      ...days.map((day) => `to publish ${day} accordingly: guardian kpi run --day ${day}`),
    ],
    complete: failed.length === 0 && done.length > 0,
  }
}

function whyNot(outcome: DecisionOutcome): string | undefined {
  if (outcome.kind === 'decided') return undefined
  return outcome.kind === 'refused' ? `refused: ${outcome.reason}` : 'there is no such record in quarantine'
}

async function keysOf(db: Database, ids: readonly string[], words: DecideWords): Promise<QuarantineKey[]> {
  const { day, reason } = filterOf(words)
  if ((day === undefined) === (ids.length === 0)) throw new UsageError('give either ids of records or --day')
  if (day === undefined && reason !== undefined) throw new UsageError('--reason selects records of a --day')
  if (day === undefined)
    return ids.map((id) => {
      const key = parseQuarantineId(id)
      if (key === undefined) throw new UsageError(`${JSON.stringify(id)} is not an id that \`quarantine list\` prints`)
      return key
    })
  const rows = await listQuarantine(db, { day, reason, state: 'quarantined', limit: MOST_QUARANTINED })
  return rows.map(keyOf)
}

/** As many as the configuration allows for a day. */
const MOST_QUARANTINED = 100_000

const keyOf = ({ dataset, partition, offset, eventTs }: QuarantinedRow): QuarantineKey => ({
  ...{ dataset, partition, offset },
  eventMs: eventTs.getTime(),
})
const idOf = (row: QuarantinedRow): string => quarantineIdOf(keyOf(row))
