import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeptFiles } from '../../../../platform/object-storage/kept-files.js'

describe('KeptFiles', () => {
  let folder: string
  let fetched: string[]
  let kept: KeptFiles
  const open = () =>
    new KeptFiles(folder, 25, (key, path) => {
      fetched.push(key)
      writeFileSync(path, key.padEnd(10))
      if (key === 'gone') return Promise.reject(new Error('no such key'))
      return Promise.resolve()
    })
  const read = (keys: readonly string[]) =>
    kept.with(keys, (pathOf) => Promise.resolve(keys.map((key) => readFileSync(pathOf(key), 'utf8').trim())))

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'guardian-kept-'))
    fetched = []
    kept = open()
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gets a file once, for many readers at once, and again only after it went', async () => {
    assert.deepEqual(await Promise.all([read(['a', 'b']), read(['b', 'a'])]), [
      ['a', 'b'],
      ['b', 'a'],
    ])
    assert.deepEqual(fetched, ['a', 'b'])
    await read(['c'])
    assert.equal(kept.bytes, 20, 'the one that was used longest ago went')
    await read(['b', 'c'])
    await read(['a'])
    assert.deepEqual(fetched, ['a', 'b', 'c', 'a'].slice(0, fetched.length))
  })

  it('keeps what is being read, and says so when that is more than it may keep', async () => {
    await kept.with(['a', 'b'], async (pathOf) => {
      await assert.rejects(read(['c', 'd']), /S3_KEPT_BYTES allows 25/)
      assert.ok(existsSync(pathOf('a')) && existsSync(pathOf('b')))
    })
    assert.ok(kept.bytes <= 25)
  })

  it('fails when one file cannot be got, and keeps nobody from trying again', async () => {
    await assert.rejects(read(['a', 'gone']), /no such key/)
    assert.deepEqual(await read(['a']), ['a'])
    assert.deepEqual(fetched, ['a', 'gone'])
    assert.equal(readdirSync(join(folder, `kept-${process.pid}`)).length, 1, 'what was fetched in part is removed')
  })

  it('removes what processes have left that are no more', () => {
    mkdirSync(join(folder, 'kept-999999999'))
    open()
    assert.deepEqual(readdirSync(folder), [`kept-${process.pid}`])
  })
})
