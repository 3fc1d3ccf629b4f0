import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fetchMavenFiles, pomFor, type MavenFile } from '../../../../deploy/local/maven-files.js'
import { cachedItem, isWhole, type FetchContext } from '../../../../deploy/local/server-cache.js'

const bodyOf = (path: string): Buffer => Buffer.from(`${path} `.repeat(4_000))
const fileOf = (path: string): MavenFile => {
  const body = bodyOf(path)
  return { path, bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') }
}
const FILES = ['org/a/one/1/one-1.jar', 'org/a/two/1/two-1.jar', 'org/b/three/1/three-1.jar'].map(fileOf)

describe('fetching a server', () => {
  let dir = ''
  let server: Server
  let asked: string[] = []
  /** The repository serves what it is asked for, unless this answers. */
  let misbehave: ((path: string, request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  let context: FetchContext

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-fetch-'))
    asked = []
    misbehave = undefined
    server = createServer((request, response) => {
      const path = (request.url ?? '').slice(1)
      asked.push(path)
      if (misbehave?.(path, request, response) !== true) response.end(bodyOf(path))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const env = { GUARDIAN_MAVEN_REPOSITORY: url, PATH: join(dir, 'no-commands') }
    context = { cacheDir: join(dir, 'cache'), env, report: () => undefined }
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  })

  const fetchAll = () => cachedItem(context, 'it-1', (folder) => fetchMavenFiles(FILES, folder, context))

  it('puts all files into the cache, and asks nobody the next time', async () => {
    const home = await fetchAll()
    assert.deepEqual(
      readdirSync(home).filter((name) => name.endsWith('.jar')),
      ['one-1.jar', 'three-1.jar', 'two-1.jar'],
    )
    assert.equal(asked.length, 3)
    assert.equal(await fetchAll(), home)
    assert.equal(asked.length, 3)
    assert.deepEqual(readdirSync(context.cacheDir), ['it-1'])
  })

  it('that broke off goes on where it was, and never has the name of a whole one before it is', async () => {
    misbehave = (path, _, response) => {
      if (!path.includes('three')) return false
      response.writeHead(200, { 'content-length': String(bodyOf(path).length) })
      response.write(bodyOf(path).subarray(0, 1_000))
      setTimeout(() => response.destroy(), 100)
      return true
    }
    await assert.rejects(fetchAll(), { name: 'LocalFault', remedy: /GUARDIAN_MAVEN_REPOSITORY/ })
    assert.ok(!existsSync(join(context.cacheDir, 'it-1')))
    misbehave = undefined
    asked = []
    await fetchAll()
    assert.deepEqual(asked, ['org/b/three/1/three-1.jar'])
  })

  it('asks mvn where the repository is out of reach, and checks what that gives', async () => {
    misbehave = (_, __, response) => {
      response.writeHead(503).end()
      return true
    }
    const bin = join(dir, 'bin')
    mkdirSync(bin)
    const bodies = Object.fromEntries(FILES.map(({ path }) => [basename(path), bodyOf(path).toString()]))
    const script = `#!${process.execPath}
      const fs = require('node:fs')
      const folder = process.argv.find((arg) => arg.startsWith('-DoutputDirectory=')).split('=')[1]
      fs.mkdirSync(folder)
      for (const [name, text] of Object.entries(${JSON.stringify(bodies)})) fs.writeFileSync(folder + '/' + name, text)`
    writeFileSync(join(bin, 'mvn'), script, { mode: 0o755 })
    context = { ...context, env: { ...context.env, PATH: bin } }
    const home = await fetchAll()
    assert.deepEqual(readFileSync(join(home, 'two-1.jar')), bodyOf('org/a/two/1/two-1.jar'))
    assert.ok(!existsSync(join(home, '.mvn')))
  })

  it('refuses a file with other bytes than expected', async () => {
    misbehave = (path, _, response) => {
      if (!path.includes('two')) return false
      response.end(Buffer.alloc(bodyOf(path).length, 'x'))
      return true
    }
    await assert.rejects(fetchAll(), /two-1\.jar is not what was expected: its SHA-256 is/)
    assert.ok(!existsSync(join(context.cacheDir, 'it-1')))
  })

  it('replaces a file of the cache that was cut short', async () => {
    const home = await fetchAll()
    writeFileSync(join(home, 'one-1.jar'), 'short')
    assert.ok(!isWhole(home))
    asked = []
    await fetchAll()
    assert.deepEqual(asked, ['org/a/one/1/one-1.jar'])
    assert.deepEqual(readFileSync(join(home, 'one-1.jar')), bodyOf('org/a/one/1/one-1.jar'))
  })

  it('happens once when two ask together', async () => {
    await Promise.all([fetchAll(), fetchAll()])
    assert.equal(asked.length, 3)
  })

  it('ends when it is aborted', async () => {
    const controller = new AbortController()
    misbehave = () => {
      controller.abort(new Error('Ctrl-C'))
      return true
    }
    context = { ...context, signal: controller.signal }
    await assert.rejects(fetchAll(), /Ctrl-C/)
  })
})

describe('the project for mvn', () => {
  it('names group, artifact, version, type and classifier of each file', () => {
    const pom = pomFor([
      { path: 'org/a/one/1.0/one-1.0.jar', bytes: 1, sha256: '' },
      { path: 'io/b/two/2/two-2-all.tar.gz', bytes: 1, sha256: '' },
    ])
    assert.ok(
      pom.includes('<groupId>org.a</groupId><artifactId>one</artifactId><version>1.0</version><type>jar</type></'),
    )
    assert.ok(pom.includes('<version>2</version><type>tar.gz</type><classifier>all</classifier></'))
  })
})
