import assert from 'node:assert/strict'
import { COMMANDS, commandsFor } from '../../../cli/commands.js'

describe('the commands of guardian', function () {
  this.timeout(30_000)

  it('each have the name by which they are loaded', async () => {
    for (const [name, load] of Object.entries(COMMANDS)) assert.equal((await load())().name(), name)
  })

  it('are loaded one at a time when one is asked for, and all when none is', () => {
    assert.deepEqual(commandsFor('setup'), [COMMANDS['setup']])
    for (const word of [undefined, 'help', '--help', 'set', 'constructor'])
      assert.deepEqual(commandsFor(word), Object.values(COMMANDS))
  })
})
