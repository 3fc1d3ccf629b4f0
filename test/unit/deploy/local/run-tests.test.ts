import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../../../platform/package-root.js'

describe('the lanes of npm test', () => {
  it('have every test file, each once', async () => {
    const path = join(packageRoot, 'deploy', 'local', 'run-tests.mjs')
    const { lanes } = (await import(pathToFileURL(path).href)) as {
      readonly lanes: () => readonly (readonly string[])[]
    }
    const files = readdirSync(join(packageRoot, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `dist/test/${file.replace(/ts$/, 'js')}`)
    const [first = [], second = []] = lanes()
    assert.ok(first.length > 0 && second.length > 0)
    assert.deepEqual([...first, ...second].sort(), files.sort())
    for (const file of files) assert.ok(existsSync(join(packageRoot, file)), `${file} is not compiled`)
    assert.ok(files.some((file) => file.startsWith('dist/test/oracle/')))
  })
})
