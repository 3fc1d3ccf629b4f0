import type { ScheduleDescription } from '@temporalio/client'
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
  /** What happens when it is due while a run of it goes on: SKIP leaves it out. */
  readonly overlap: string
  /** A start that was due while Temporal was away is made up for within this time. */
  readonly catchup_seconds: number
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
    for await (const { scheduleId } of client.schedule.list())
      found.push(listed(await client.schedule.getHandle(scheduleId).describe()))
    return found.sort((a, b) => (a.id < b.id ? -1 : 1))
  })
  const lines = schedules.map(
    ({ id, next, last, paused, overlap, catchup_seconds: catchup }) =>
      `${id}: ${paused ? 'paused' : `next ${next ?? 'never'}`}, last ${last ?? 'never'}, overlap ${overlap}, catch-up ${catchup} s`,
  )
  return { document: schedules, lines, complete: true }
}

const listed = ({ scheduleId, state, info, policies }: ScheduleDescription): ListedSchedule => ({
  id: scheduleId,
  next: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null),
  last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
  paused: state.paused,
  overlap: policies.overlap ?? 'SKIP',
  catchup_seconds: policies.catchupWindow / 1_000,
})
