import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Help } from 'commander'
import { COMMANDS, commandsFor } from '../../../cli/commands.js'
import { packageRoot } from '../../../platform/package-root.js'

/** Commands of a command, in files of their own. */
const BELOW_ANOTHER = ['quarantine']

describe('the commands of guardian', function () {
  this.timeout(30_000)

  it('are all in the list', () => {
    const files = readdirSync(join(packageRoot, 'cli')).filter((name) => name.endsWith('-command.ts'))
    assert.deepEqual(
      files.map((name) => name.replace('-command.ts', '')),
      [...Object.keys(COMMANDS), ...BELOW_ANOTHER].sort(),
    )
  })

  it('say of themselves what the list of all says of them', async () => {
    const help = new Help()
    for (const [name, { usage, description, load }] of Object.entries(COMMANDS)) {
      const command = (await load())()
      assert.equal(command.description(), description, `description of ${name} in cli/commands.ts`)
      assert.equal(help.subcommandTerm(command), `${name} ${usage}`.trim(), `usage of ${name} in cli/commands.ts`)
    }
  })

  it('are loaded whole when one is asked for, also for its help', async () => {
    for (const words of [['setup'], ['setup', '--json'], ['help', 'setup'], ['--help', 'setup']]) {
      const [command, ...others] = await commandsFor(words)
      assert.deepEqual([command?.name(), others.length], ['setup', 0])
      assert.ok((command?.options.length ?? 0) > 0)
    }
  })

  it('are only named when none is', async () => {
    for (const words of [[], ['help'], ['--help'], ['set'], ['constructor']]) {
      const commands = await commandsFor(words)
      assert.deepEqual(
        commands.map((command) => command.name()),
        Object.keys(COMMANDS),
      )
      assert.ok(commands.every((command) => command.options.length === 0))
    }
  })
})
