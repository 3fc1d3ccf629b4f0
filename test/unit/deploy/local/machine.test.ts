import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findJava, parseJavaVersion } from '../../../../deploy/local/java.js'
import { explainFault, LocalFault } from '../../../../deploy/local/local-fault.js'
import { findFreePorts, isPortFree, ownerOfPort } from '../../../../deploy/local/ports.js'
import { checkMachine } from '../../../../deploy/local/preflight.js'
import { identifyProcess, isRunning, parentOf } from '../../../../deploy/local/process-identity.js'

describe('what is found on this machine', () => {
  it('java: its version, as any maker writes it', () => {
    assert.equal(parseJavaVersion('openjdk version "17.0.15" 2025-04-15'), '17.0.15')
    assert.equal(parseJavaVersion('java version "1.8.0_402"'), '1.8.0_402')
    assert.equal(parseJavaVersion('openjdk version "21" 2023-09-19'), '21')
    assert.equal(parseJavaVersion('sh: java: not found'), undefined)
  })

  it('no java: says how to get it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'guardian-java-'))
    await assert.rejects(findJava({ PATH: dir }), { message: /^Java is not found/, remedy: /install Java 17 or later/ })
    rmSync(dir, { recursive: true })
  })

  it('a busy port: who has it, and which variable changes ours', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ours = { port, variable: 'PORT', usedBy: 'the API' }
    await assert.rejects(checkMachine({}, [], [ours], []), {
      message: new RegExp(`port ${port}, which the API is to use, is taken by process ${process.pid} `),
      remedy: /PORT=<port>/,
    })
    assert.match(ownerOfPort(port) ?? '', new RegExp(`^process ${process.pid} `))
    await new Promise((resolve) => server.close(resolve))
    assert.ok(await isPortFree(port))
    assert.equal(ownerOfPort(port), undefined)
  })

  it('free ports: never the same twice', async () => {
    const ports = await findFreePorts(50)
    assert.equal(new Set(ports).size, 50)
  })

  it('a process: this one, its parent, and none that has ended', () => {
    const self = identifyProcess(process.pid)
    assert.ok(self !== undefined && isRunning(self))
    assert.ok(!isRunning({ ...self, startedAt: 'another time' }))
    assert.equal(parentOf(process.pid), process.ppid)
    assert.equal(identifyProcess(spawnSync(process.execPath, ['-e', '']).pid), undefined)
  })

  it('a fault is explained with what to do', () => {
    assert.equal(explainFault(new LocalFault('a is wrong', 'do b')), 'a is wrong\n  → do b')
    const full = Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' })
    assert.match(explainFault(full), /the disk is full/)
  })
})
