import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { completeEnvFile } from '../../../../deploy/local/env-file.js'

describe('.env', () => {
  let dir = ''
  let path = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-env-'))
    path = join(dir, '.env')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('is made with two long secrets that nobody else can read', () => {
    assert.deepEqual(completeEnvFile(path), ['POSTGRES_PASSWORD', 'GUARDIAN_ADMIN_KEY'])
    const made = parse(readFileSync(path))
    assert.ok((made['POSTGRES_PASSWORD']?.length ?? 0) >= 32)
    assert.ok((made['GUARDIAN_ADMIN_KEY']?.length ?? 0) >= 43)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('is left alone when it is complete', () => {
    completeEnvFile(path)
    const text = readFileSync(path, 'utf8')
    assert.deepEqual(completeEnvFile(path), [])
    assert.equal(readFileSync(path, 'utf8'), text)
  })

  it('keeps what is in it, gets what it lacks, and is closed to others', () => {
    writeFileSync(path, 'PORT=9000\nPOSTGRES_PASSWORD=mine')
    chmodSync(path, 0o644)
    assert.deepEqual(completeEnvFile(path), ['GUARDIAN_ADMIN_KEY'])
    const { PORT, POSTGRES_PASSWORD, GUARDIAN_ADMIN_KEY } = parse(readFileSync(path))
    assert.deepEqual([PORT, POSTGRES_PASSWORD], ['9000', 'mine'])
    assert.ok(GUARDIAN_ADMIN_KEY)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })
})
