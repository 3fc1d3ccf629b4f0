import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrationsFolder } from '../../../db/migrate.js'

interface Journal {
  readonly entries: readonly { readonly idx: number; readonly when: number; readonly tag: string }[]
}

describe('the journal of migrations', () => {
  const { entries } = JSON.parse(readFileSync(join(migrationsFolder, 'meta', '_journal.json'), 'utf8')) as Journal

  it('names every file, in the order of their numbers', () => {
    const files = readdirSync(migrationsFolder).filter((name) => name.endsWith('.sql'))
    assert.deepEqual(
      entries.map(({ tag }) => `${tag}.sql`),
      files.sort(),
    )
    entries.forEach(({ idx, tag }, at) => {
      assert.equal(idx, at)
      assert.equal(Number(tag.slice(0, 4)), at)
    })
  })

  it('has times that rise: drizzle leaves out a migration that is not later than the last', () => {
    entries.slice(1).forEach(({ when }, at) => assert.ok(when > (entries[at]?.when ?? Infinity)))
  })
})
