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

  it('is made with long secrets, each its own, that nobody else can read', () => {
    const passwords = ['', '_DETECTOR', '_ARCHIVER', '_ORCHESTRATOR', '_API'].map((of) => `POSTGRES${of}_PASSWORD`)
    assert.deepEqual(completeEnvFile(path), [...passwords, 'GUARDIAN_ADMIN_KEY'])
    const made = parse(readFileSync(path))
    assert.equal(new Set(Object.values(made)).size, passwords.length + 1)
    for (const name of passwords) assert.ok((made[name]?.length ?? 0) >= 32, name)
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
    completeEnvFile(path)
    const others = readFileSync(path, 'utf8').replaceAll(/^(POSTGRES_PASSWORD|GUARDIAN_ADMIN_KEY)=.*\n/gm, '')
    writeFileSync(path, `${others}PORT=9000\nPOSTGRES_PASSWORD=mine`)
    chmodSync(path, 0o644)
    assert.deepEqual(completeEnvFile(path), ['GUARDIAN_ADMIN_KEY'])
    const { PORT, POSTGRES_PASSWORD, GUARDIAN_ADMIN_KEY } = parse(readFileSync(path))
    assert.deepEqual([PORT, POSTGRES_PASSWORD], ['9000', 'mine'])
    assert.ok(GUARDIAN_ADMIN_KEY)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })
})
