import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOCAL_VARIABLES } from '../../../../deploy/local/stack-settings.js'
import { VARIABLES, loadConfig, type VariableName } from '../../../../platform/config.js'
import { packageRoot } from '../../../../platform/package-root.js'

const DOCUMENTED = new Map(
  readFileSync(join(packageRoot, '.env.example'), 'utf8')
    .split('\n')
    .flatMap((line) => /^# ([A-Z][A-Z0-9_]+)=(.*)$/.exec(line)?.slice(1, 3) ?? [])
    .reduce<[string, string][]>((pairs, text, index, all) => {
      if (index % 2 === 0) pairs.push([text, all[index + 1] ?? ''])
      return pairs
    }, []),
)

describe('.env.example', () => {
  it('names every variable that is read, and no other', () => {
    assert.deepEqual([...DOCUMENTED.keys()].sort(), [...Object.keys(VARIABLES), ...LOCAL_VARIABLES].sort())
  })

  it('says the default that holds', () => {
    for (const name of Object.keys(VARIABLES) as VariableName[]) {
      const said = DOCUMENTED.get(name)
      if (said === '') continue
      assert.deepEqual(loadConfig([name], {}), loadConfig([name], { [name]: said }), name)
    }
  })
})
