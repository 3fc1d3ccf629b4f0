import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openStorage } from '../../../../platform/object-storage/open-storage.js'

describe('file storage', () => {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-storage-'))
  after(() => rmSync(folder, { recursive: true }))

  it('gives a scratch file its key, and lists and removes keys', async () => {
    const storage = await openStorage(pathToFileURL(join(folder, 'a b')).href)
    const scratch = storage.scratchFile('one.parquet')
    writeFileSync(scratch, 'hello')
    assert.deepEqual([await storage.list('clicks'), await storage.listScratch()], [[], ['one.parquet']])
    assert.deepEqual(await storage.put(scratch, 'clicks/date=2026-10-01/one.parquet'), { bytes: 5 })
    assert.ok(!existsSync(scratch))
    assert.deepEqual(await storage.list('clicks'), ['clicks/date=2026-10-01/one.parquet'])
    assert.equal(readFileSync(storage.locate('clicks/date=2026-10-01/one.parquet'), 'utf8'), 'hello')
    await storage.remove('clicks/date=2026-10-01/one.parquet')
    await storage.remove('clicks/date=2026-10-01/one.parquet')
    assert.deepEqual(await storage.list('clicks'), [])
    writeFileSync(storage.scratchFile('two.parquet'), '')
    await storage.removeScratch('two.parquet')
    assert.deepEqual(await storage.listScratch(), [])
  })

  it('refuses a URL of another kind', () => {
    assert.throws(() => openStorage('http://example.org/archive'), /not at a file: URL/)
  })
})
