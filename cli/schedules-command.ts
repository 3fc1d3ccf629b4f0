import type { ScheduleSummary } from '@temporalio/client'
import { Command } from 'commander'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { withTemporal } from './with-temporal.js'

interface ListedSchedule {
  readonly id: string
  /** When it is due next; null when it is not. */
  readonly next: string | null
  /** When it last started something; null when it never did. */
  readonly last: string | null
  readonly paused: boolean
}

/** `guardian schedules`: what runs on its own, when it last did, and when it will next. */
export const schedulesCommand = (): Command =>
  new Command('schedules')
    .description('what runs on its own, when it last did, and when it will next')
    .option('--json', 'print one JSON document')
    .action((words: { json?: boolean }) => runCommand(words, list))

async function list(terminal: Terminal): Promise<CommandResult> {
  const schedules = await withTemporal(terminal, async (client) => {
    const found: ListedSchedule[] = []
    for await (const summary of client.schedule.list()) found.push(listed(summary))
    return found.sort((a, b) => (a.id < b.id ? -1 : 1))
  })
  const lines = schedules.map(
    ({ id, next, last, paused }) => `${id}: ${paused ? 'paused' : `next ${next ?? 'never'}`}, last ${last ?? 'never'}`,
  )
  return { document: schedules, lines, complete: true }
}

const listed = ({ scheduleId, state, info }: ScheduleSummary): ListedSchedule => ({
  id: scheduleId,
  next: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
  last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
  paused: state.paused,
})
