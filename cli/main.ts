import { Command, CommanderError, Help } from 'commander'
import { COMMANDS, commandsFor } from './commands.js'

const program = new Command('guardian')
  .description('Clickstream Guardian on the command line')
  .showHelpAfterError('(add --help for the options)')
  .configureHelp({
    subcommandTerm: (command) => {
      const listed = COMMANDS[command.name()]
      return listed === undefined ? new Help().subcommandTerm(command) : `${command.name()} ${listed.usage}`.trim()
    },
  })
  .exitOverride()
for (const command of await commandsFor(process.argv.slice(2))) {
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
