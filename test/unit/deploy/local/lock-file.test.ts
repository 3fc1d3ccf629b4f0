import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLock, lockHolder, takeLock, withLock, type FileLock } from '../../../../deploy/local/lock-file.js'

describe('a lock file', () => {
  let dir = ''
  let path = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-lock-'))
    path = join(dir, 'deeper', 'it.lock')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const take = (): FileLock => {
    const taken = takeLock(path, 'here')
    assert.ok(isLock(taken))
    return taken
  }

  it('has one holder, whom others see with his note, until he lets go', () => {
    const lock = take()
    const second = takeLock(path, 'there')
    assert.ok(!isLock(second))
    assert.deepEqual([second.pid, second.note], [process.pid, 'here'])
    lock.release()
    assert.equal(lockHolder(path), undefined)
    take().release()
    assert.deepEqual(readdirSync(join(dir, 'deeper')), [])
  })

  it('of a process that has died is taken over', () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    take().release()
    writeFileSync(path, JSON.stringify({ pid, startedAt: '1', note: '' }))
    take().release()
  })

  it('of a process whose number another one has now is taken over', () => {
    take().release()
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: 'long ago', note: '' }))
    take().release()
  })

  it('that holds nothing readable is taken over', () => {
    take().release()
    for (const text of ['', '{"pid":', 'x']) {
      writeFileSync(path, text)
      take().release()
    }
  })

  it('makes the second wait, and is free again when the work fails', async () => {
    const steps: string[] = []
    const first = withLock(
      path,
      () => undefined,
      undefined,
      async () => {
        steps.push('first')
        await new Promise((resolve) => setTimeout(resolve, 50))
        throw new Error('broken')
      },
    )
    const second = withLock(
      path,
      () => steps.push('waits'),
      undefined,
      () => Promise.resolve(steps.push('second')),
    )
    await assert.rejects(first, /broken/)
    await second
    assert.deepEqual([steps[0], steps.at(-1)], ['first', 'second'])
    assert.ok(!existsSync(path))
  })

  it('is waited for only until the wait is aborted', async () => {
    const lock = take()
    const controller = new AbortController()
    const waiting = withLock(
      path,
      () => controller.abort(new Error('enough')),
      controller.signal,
      () => Promise.resolve(),
    )
    await assert.rejects(waiting, /enough/)
    assert.match(readFileSync(path, 'utf8'), /"here"/)
    lock.release()
  })
})
