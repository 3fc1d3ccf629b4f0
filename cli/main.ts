import { Command, CommanderError } from 'commander'
import { auditCommand } from './audit-command.js'
import { backtestCommand } from './backtest-command.js'
import { dlqCommand } from './dlq-command.js'
import { doctorCommand } from './doctor-command.js'
import { explainCommand } from './explain-command.js'
import { ingestCommand } from './ingest-command.js'
import { kpiCommand } from './kpi-command.js'
import { newLogCommand } from './new-log-command.js'
import { rulesCommand } from './rules-command.js'
import { schedulesCommand } from './schedules-command.js'
import { setupCommand } from './setup-command.js'
import { simulateCommand } from './simulate-command.js'
import { sloCommand } from './slo-command.js'
import { whyNotCommand } from './why-not-command.js'

/** Every `guardian` command, one file each. */
const COMMANDS = [
  setupCommand,
  simulateCommand,
  ingestCommand,
  rulesCommand,
  explainCommand,
  whyNotCommand,
  auditCommand,
  kpiCommand,
  backtestCommand,
  schedulesCommand,
  dlqCommand,
  newLogCommand,
  sloCommand,
  doctorCommand,
]

const program = new Command('guardian')
  .description('Clickstream Guardian on the command line')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
for (const create of COMMANDS) {
  const command = create()
  for (const one of [command, ...command.commands])
    one.exitOverride().showHelpAfterError('(add --help for the options)')
  program.addCommand(command)
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
  if (error.exitCode !== 0 && process.argv.includes('--json'))
    process.stdout.write(`${JSON.stringify({ error: error.message })}\n`)
}
