import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../../platform/package-root.js'
import { findRows } from '../../failure/rows.js'

const read = (...path: string[]): string => readFileSync(join(packageRoot, ...path), 'utf8')
const idsIn = (text: string): string[] => text.match(/\b[A-Z]\d{1,2}\b/g) ?? []

describe('the rows that CI runs', () => {
  it('are, with those that run nightly, all rows of the short form, each once', async () => {
    const ci = read('.ci', 'run')
    const commit = [...idsIn(/^rows=\((.*)\)$/m.exec(ci)?.[1] ?? ''), ...idsIn(/^timed_row=(.*)$/m.exec(ci)?.[1] ?? '')]
    const nightly = idsIn(/rows:\s+\[([^\]]*)\]/.exec(read('.github', 'workflows', 'nightly.yml'))?.[1] ?? '')
    assert.ok(commit.length > 5 && nightly.length > 5)
    const quick = (await findRows()).filter((row) => row.quick).map(({ id }) => id)
    assert.deepEqual([...commit, ...nightly].sort(), quick.sort())
  }).timeout(60_000)
})
