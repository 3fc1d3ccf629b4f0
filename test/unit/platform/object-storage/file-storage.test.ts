import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadConfig } from '../../../../platform/config.js'
import { openStorage, STORAGE_VARIABLES } from '../../../../platform/object-storage/open-storage.js'

const at = (url: string) => openStorage({ ...loadConfig(STORAGE_VARIABLES, {}), ARCHIVE_URL: url })

describe('file storage', () => {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-storage-'))
  after(() => rmSync(folder, { recursive: true }))

  it('gives a scratch file its key, and lists and removes keys', async () => {
    const storage = await at(pathToFileURL(join(folder, 'a b')).href)
    const scratch = storage.scratchFile('one.parquet')
    writeFileSync(scratch, 'hello')
    assert.deepEqual([await storage.list('clicks'), await storage.listScratch()], [[], ['one.parquet']])
    assert.deepEqual(await storage.put(scratch, 'clicks/date=2026-10-01/one.parquet'), { bytes: 5 })
    assert.ok(!existsSync(scratch))
    assert.deepEqual(await storage.list('clicks'), ['clicks/date=2026-10-01/one.parquet'])
    const keys = ['clicks/date=2026-10-01/one.parquet']
    const text = await storage.withFiles(keys, (pathOf) =>
      Promise.resolve(keys.map((key) => readFileSync(pathOf(key), 'utf8'))),
    )
    assert.deepEqual(text, ['hello'])
    await storage.remove('clicks/date=2026-10-01/one.parquet')
    await storage.remove('clicks/date=2026-10-01/one.parquet')
    assert.deepEqual(await storage.list('clicks'), [])
    writeFileSync(storage.scratchFile('two.parquet'), '')
    await storage.removeScratch('two.parquet')
    assert.deepEqual(await storage.listScratch(), [])
  })

  it('refuses a URL of another kind', () => {
    assert.throws(() => at('http://example.org/archive'), /neither a file: nor an s3: URL/)
  })
})
