import { Command } from 'commander'
import { checkLines } from './doctor/check.js'
import { checkMachine } from './doctor/machine-checks.js'
import { checkServers } from './doctor/server-checks.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'

/** `guardian doctor`: what is there, what is missing, and how to get it. Exits 1 when something is missing. */
export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('look at this machine and at the servers: what is there, what is missing, how to get it')
    .option('--json', 'print one JSON document')
    .action((words: { json?: boolean }) => runCommand(words, doctor))

async function doctor({ env, log }: Terminal): Promise<CommandResult> {
  const [machine, servers] = await Promise.all([checkMachine(env), checkServers(env, log)])
  const checks = [...machine, ...servers]
  const complete = !checks.some(({ state }) => state === 'missing')
  return { document: { complete, checks }, lines: checkLines(checks), complete }
}
