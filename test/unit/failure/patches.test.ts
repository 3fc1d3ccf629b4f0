import assert from 'node:assert/strict'
import { join } from 'node:path'
import { packageRoot } from '../../../platform/package-root.js'
import { aroundPlace } from '../../failure/patched-copy.js'
import { findRows } from '../../failure/rows.js'

describe('the rows of the verification plan that change copies of the product', () => {
  it('find every place that they change, so that none has fallen behind what it would prove', async () => {
    const patches = (await findRows()).flatMap((row) => row.patches ?? [])
    assert.ok(patches.length > 0)
    for (const { file, from } of patches) aroundPlace(join(packageRoot, 'dist', file), from)
  }).timeout(60_000) // all rows are loaded, and with them nearly all of the product
})
