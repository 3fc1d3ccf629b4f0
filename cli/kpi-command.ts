import type { Client, WorkflowHandle } from '@temporalio/client'
import { Command } from 'commander'
import { readDayState } from '../db/read-models/kpi-inputs.js'
import { staleReasons } from '../domain/kpi/day-versions.js'
import { planBackfill } from '../domain/kpi/plan-backfill.js'
import { parseTimeZone } from '../domain/shop-day.js'
import { parseUtcDay } from '../domain/utc-day.js'
import { loadConfig } from '../platform/config.js'
import {
  WORKFLOWS,
  type BackfilledDay,
  type BackfillKpiInput,
  type BackfillKpiResult,
  type DailyKpiInput,
  type DailyKpiResult,
} from '../workflows/contract.js'
import { asUsage } from './as-usage.js'
import { quarantineCommand } from './quarantine-command.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { untilEnded, watchRun } from './watch-run.js'
import { withDatabase } from './with-database.js'
import { withTemporal } from './with-temporal.js'

interface RangeWords {
  readonly from: string
  readonly to: string
  readonly json?: boolean
}

interface BackfillWords extends RangeWords {
  readonly all?: boolean
  readonly parallel?: string
  readonly wait: boolean
}

/** `guardian kpi`: the figures of days, computed by Temporal's workflows. */
export const kpiCommand = (): Command => {
  const kpi = new Command('kpi').description('compute the figures of a day, or of a range of days')
  kpi
    .command('run')
    .description('compute and publish one day, also when its figures are up to date')
    .requiredOption('--day <YYYY-MM-DD>', 'a day that is over, in the time zone of the shop (KPI_TIME_ZONE)')
    .option('--no-wait', 'only start it')
    .option('--json', 'print one JSON document')
    .action((words: { day: string; wait: boolean; json?: boolean }) =>
      runCommand(words, (terminal) => run(words, terminal)),
    )
  withRange(kpi.command('preview').description('what a backfill would do: days, files, rows, and why')).action(
    (words: RangeWords) => runCommand(words, (terminal) => preview(words, terminal)),
  )
  withRange(kpi.command('backfill').description('compute the days of a range that are not up to date'))
    .option('--all', 'also those that are')
    .option('--parallel <n>', 'days at once, 1 to 8 (default 2)')
    .option('--no-wait', 'only start it')
    .action((words: BackfillWords) => runCommand(words, (terminal) => backfill(words, terminal)))
  return kpi.addCommand(quarantineCommand())
}

const withRange = (command: Command): Command =>
  command
    .requiredOption('--from <YYYY-MM-DD>', 'first day')
    .requiredOption('--to <YYYY-MM-DD>', 'last day')
    .option('--json', 'print one JSON document')

async function run({ day, wait }: { day: string; wait: boolean }, terminal: Terminal): Promise<CommandResult> {
  const { type, taskQueue, workflowId } = WORKFLOWS.dailyKpi
  const input: DailyKpiInput = { day: asUsage(() => parseUtcDay(day)), archiveWaitMs: waitOf(terminal) }
  return withTemporal(terminal, async (client) => {
    const handle = await start(client, type, { taskQueue, workflowId: workflowId(parseUtcDay(day)), args: [input] })
    if (!wait) return started(handle)
    const { computed, published } = await watchRun<DailyKpiResult>(handle, terminal)
    return {
      document: { day, workflowId: handle.workflowId, ...computed, published },
      lines: [
        `${day}: ${published.summary}`,
        `${computed.events} clicks, ${computed.purchases} purchases, ${computed.sessions} sessions, ${computed.flaggedSessions} flagged`,
        ...(computed.leftOut ?? []),
        ...computed.warnings.map((warning) => `unusual: ${warning}`),
      ],
      complete: true,
    }
  })
}

async function preview(words: RangeWords, terminal: Terminal): Promise<CommandResult> {
  const { days } = asUsage(() => planBackfill(words))
  const timeZone = parseTimeZone(loadConfig(['KPI_TIME_ZONE'], terminal.env).KPI_TIME_ZONE)
  const states = await withDatabase(terminal, async (db) => {
    const found = []
    for (const day of days) found.push(await readDayState(db, day, timeZone))
    return found
  })
  const rows = states.map((state) => ({
    day: state.day,
    files: state.files,
    rows: state.archivedRows,
    isPublished: state.published !== null,
    why: staleReasons(state),
  }))
  return {
    document: { days: rows, toCompute: rows.filter(({ why }) => why.length > 0).length },
    lines: rows.map(
      ({ day, files, rows: count, why }) =>
        `${day}: ${files} files, ${count} rows, ${why.length === 0 ? 'up to date' : `to compute (${why.join(', ')})`}`,
    ),
    complete: true,
  }
}

async function backfill(words: BackfillWords, terminal: Terminal): Promise<CommandResult> {
  const { type, taskQueue, workflowId } = WORKFLOWS.backfillKpi
  const input: BackfillKpiInput = {
    from: words.from,
    to: words.to,
    archiveWaitMs: waitOf(terminal),
    ...(words.all === true ? { all: true } : {}),
    ...(words.parallel === undefined ? {} : { parallel: Number(words.parallel) }),
  }
  asUsage(() => planBackfill(input))
  for (const line of (await preview(words, terminal)).lines) terminal.say(line)
  return withTemporal(terminal, async (client) => {
    const handle = await start(client, type, { taskQueue, workflowId: workflowId(words.from, words.to), args: [input] })
    if (!words.wait) return started(handle)
    const { days, failed } = await watch(handle, terminal)
    return {
      document: { workflowId: handle.workflowId, days, failed },
      lines: days.map(({ day, state, reason }) => `${day}: ${state}${reason === undefined ? '' : ` (${reason})`}`),
      complete: failed === 0,
    }
  })
}

/** Tells of each day as soon as something has become of it. */
function watch(handle: WorkflowHandle, { say }: Terminal): Promise<BackfillKpiResult> {
  const told = new Set<string>()
  return untilEnded(handle, async () => {
    const days = await handle.query<readonly BackfilledDay[]>('progress').catch(() => [])
    for (const { day, state } of days) {
      if (state === 'waiting' || told.has(day)) continue
      told.add(day)
      say(`${told.size} of ${days.length}: ${day} ${state}`)
    }
  })
}

interface Start {
  readonly taskQueue: string
  readonly workflowId: string
  readonly args: readonly [object]
}

/** A run that is under way for the same days is joined, not doubled. */
const start = (client: Client, type: string, { taskQueue, workflowId, args }: Start): Promise<WorkflowHandle> =>
  client.workflow.start(type, {
    taskQueue,
    workflowId,
    args: [...args],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowRunTimeout: '12 hours',
  })

const started = ({ workflowId }: WorkflowHandle): CommandResult => ({
  document: { workflowId, started: true },
  lines: [`started ${workflowId}`],
  complete: true,
})

const waitOf = ({ env }: Terminal): number => loadConfig(['KPI_ARCHIVE_WAIT_MS'], env).KPI_ARCHIVE_WAIT_MS
