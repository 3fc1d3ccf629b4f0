import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import {
  checkFilter,
  DEAD_LETTER_STATES,
  isSelected,
  type DeadLetterFilter,
  type ReplayFates,
} from '../domain/dead-letters/replay.js'
import { TASK_QUEUES, WORKFLOWS, type DlqReplayInput, type DlqReplayResult } from '../workflows/contract.js'
import { UsageError } from './cli-error.js'
import { listDeadLetters } from './dlq/list-dead-letters.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { watchRun } from './watch-run.js'
import { wholeNumber } from './whole-number.js'
import { withTemporal } from './with-temporal.js'

interface Words {
  readonly json?: boolean
  readonly cause?: string
  readonly topic?: string
  readonly from?: string
  readonly to?: string
  readonly record?: string
  readonly limit: string
  readonly dryRun?: boolean
  readonly rate: string
  readonly attempts: string
  readonly wait: string
}

/** `guardian dlq`: what cannot be processed, and how to send it back once it can. */
export const dlqCommand = (): Command => {
  const dlq = new Command('dlq').description('list dead letters, or send them back to where they came from')
  filtered(
    dlq.command('list').description('the newest dead letters in the order in which they came, without their content'),
  )
    .option('--limit <count>', 'how many to print, 1 to 10000', '100')
    .action((words: Words) => runCommand(words, (terminal) => list(terminal, words)))
  filtered(dlq.command('replay').description('send back those that would be taken now; each goes once'))
    .option('--dry-run', 'only count what would be done')
    .option('--rate <records>', 'records a second at most, 1 to 100000', '500')
    .option('--wait <seconds>', 'wait so long for what the detector does with them, 0 to 600', '60')
    .option('--attempts <count>', 'a dead letter that was replayed so often is parked, 1 to 100', '3')
    .action((words: Words) => runCommand(words, (terminal) => replay(terminal, words)))
  return dlq
}

const filtered = (command: Command): Command =>
  command
    .option('--cause <code>', 'only these: DECODE, INVALID, FUTURE_TIMESTAMP, TOO_LARGE')
    .option('--topic <topic>', 'only what came from this topic')
    .option('--from <time>', 'became dead letters at or after, such as 2026-10-01T12:00:00Z')
    .option('--to <time>', 'became dead letters before')
    .option('--record <partition@offset>', 'only this one of the dead letters')
    .option('--json', 'print one JSON document')

function filterOf({ cause, topic, from, to, record }: Words): DeadLetterFilter {
  const filter: DeadLetterFilter = {
    ...(cause === undefined ? {} : { code: cause }),
    ...(topic === undefined ? {} : { topic }),
    ...(from === undefined ? {} : { fromMs: instantOf('--from', from) }),
    ...(to === undefined ? {} : { toMs: instantOf('--to', to) }),
    ...(record === undefined ? {} : { record: recordOf(record) }),
  }
  checkFilter(filter)
  return filter
}

function instantOf(option: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new UsageError(`${option} is neither a date nor a date and time with a zone`)
  return ms
}

function recordOf(text: string): { partition: number; offset: number } {
  const match = /^(\d{1,6})@(\d{1,15})$/.exec(text)
  if (!match) throw new UsageError('--record is partition@offset, as `guardian dlq list` prints it')
  return { partition: Number(match[1]), offset: Number(match[2]) }
}

async function list(terminal: Terminal, words: Words): Promise<CommandResult> {
  const filter = filterOf(words)
  const limit = wholeNumber('--limit', words.limit, 10_000, 1)
  const { letters, selected } = await listDeadLetters(terminal, filter, limit, isSelected)
  const lines = letters.map(
    ({ partition, offset, appended, code, topic, attempts, state, reason }) =>
      `${partition}@${offset}  ${appended}  ${WORDS[state ?? 'unknown']}  ${code ?? '-'}  from ${topic ?? 'unknown'}${attempts > 0 ? `  replayed ${attempts} times` : ''}  ${reason ?? 'no reason is given'}`,
  )
  const counts = DEAD_LETTER_STATES.map(
    (state) => [letters.filter((one) => one.state === state).length, state] as const,
  )
    .filter(([n]) => n > 0)
    .map(([n, state]) => `${n} ${WORDS[state]}`)
  return {
    document: { selected, letters },
    lines: [
      ...lines,
      `${letters.length} of ${selected} dead letters${counts.length > 0 ? `: ${counts.join(', ')}` : ''}`,
    ],
    complete: true,
  }
}

const WORDS = {
  dead: 'dead',
  parked: 'parked',
  sent_back: 'sent back',
  recovered: 'recovered',
  late: 'recovered (late)',
  dead_again: 'dead again',
  unknown: 'unknown',
} as const

async function replay(terminal: Terminal, words: Words): Promise<CommandResult> {
  const input: DlqReplayInput = {
    replayId: `${new Date().toISOString().slice(0, 19)}-${randomBytes(3).toString('hex')}`,
    filter: filterOf(words),
    isDryRun: words.dryRun === true,
    recordsPerSecond: wholeNumber('--rate', words.rate, 100_000, 1),
    maxAttempts: wholeNumber('--attempts', words.attempts, 100, 1),
    outcomeWaitMs: wholeNumber('--wait', words.wait, 600) * 1_000,
  }
  const result = await withTemporal(terminal, async (client) => {
    terminal.say(`replay ${input.replayId} runs on queue ${TASK_QUEUES.ops}; the orchestrator does the work`)
    const handle = await client.workflow.start(WORKFLOWS.dlqReplay.type, {
      taskQueue: WORKFLOWS.dlqReplay.taskQueue,
      workflowId: WORKFLOWS.dlqReplay.workflowId(input.replayId),
      staticSummary: input.isDryRun ? 'Dry run of a replay of dead letters' : 'Sends dead letters back',
      args: [input],
    })
    return watchRun<DlqReplayResult>(handle, terminal)
  })
  const { selected, outcomes, faults, fates } = result
  const reasons = Object.entries(faults).map(([code, letters]) => `${letters} ${code}`)
  return {
    document: { replay_id: input.replayId, dry_run: input.isDryRun, ...result },
    lines: [
      `${selected} dead letters selected${input.isDryRun ? ' (dry run)' : `, replay ${input.replayId}`}`,
      `${input.isDryRun ? 'would be sent back' : 'sent back'}: ${outcomes.replayed}`,
      `sent back before: ${outcomes.already_replayed}`,
      `would come back as dead letters: ${outcomes.unfit}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`,
      `parked after ${input.maxAttempts} attempts: ${outcomes.parked}`,
      `of unknown origin: ${outcomes.no_origin}`,
      ...(fates === undefined ? [] : fateLines(fates)),
    ],
    complete: fates === undefined || Object.keys(fates.dead_again).length === 0,
  }
}

/** The prediction was that none of those that were sent back is a dead letter again. */
function fateLines({ recovered, late, dead_again: again, undecided }: ReplayFates): string[] {
  const codes = Object.entries(again)
  const dead = codes.reduce((sum, [, letters]) => sum + letters, 0)
  const reasons = codes.map(([code, letters]) => `${letters} ${code}`).join(', ')
  return [
    `taken by the detector: ${recovered}; behind the watermark, for the day's KPIs only: ${late}`,
    dead === 0
      ? 'dead letters again: 0, as predicted'
      : `dead letters again: ${dead} (${reasons}), predicted: 0. The detector decides by other settings or schemas than the orchestrator: compare their MAX_RECORD_BYTES, MAX_FUTURE_SKEW_MS and SCHEMA_REGISTRY_URL`,
    ...(undecided === 0
      ? []
      : [`not decided yet: ${undecided}. The detector has not come to them: check that it runs (\`guardian doctor\`)`]),
  ]
}
