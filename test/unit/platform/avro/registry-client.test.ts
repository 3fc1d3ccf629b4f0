import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RegistryClient } from '../../../../platform/avro/registry-client.js'
import { PLATFORM_ERROR_CODES, PlatformError, type PlatformErrorCode } from '../../../../platform/platform-error.js'

interface Asked {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly contentType: string | undefined
  readonly body: string
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const hasCode = (code: PlatformErrorCode, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PlatformError, String(error))
  assert.equal(error.code, code)
  if (message) assert.match(error.message, message)
  return true
}

describe('RegistryClient', () => {
  let server: Server
  let answer: Answer
  let asked: Asked[]
  let url: string
  let client: RegistryClient

  beforeEach(async () => {
    asked = []
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        asked.push({ method: request.method, url: request.url, contentType: request.headers['content-type'], body })
        answer(response, request)
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    client = new RegistryClient({ url: `${url}/apis/v7/`, timeoutMs: 2_000 })
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const answers =
    (status: number, body: string): Answer =>
    (response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)

  it('registers a schema under its subject and gives its id', async () => {
    answer = answers(200, '{"id":42}')
    assert.equal(await client.register('km.clicks/v1-value', '{"type":"string"}'), 42)
    assert.deepEqual(asked, [
      {
        method: 'POST',
        url: '/apis/v7/subjects/km.clicks%2Fv1-value/versions',
        contentType: 'application/vnd.schemaregistry.v1+json',
        body: JSON.stringify({ schema: '{"type":"string"}', schemaType: 'AVRO' }),
      },
    ])
  })

  it('sets the compatibility of a subject, finds schemas by id, and lists subjects', async () => {
    answer = answers(200, '{"compatibility":"FULL"}')
    await client.setCompatibility('s', 'FULL')
    answer = answers(200, '{"schema":"\\"long\\""}')
    assert.equal(await client.schemaById(9), '"long"')
    answer = answers(200, '["a","b"]')
    assert.deepEqual(await client.subjects(), ['a', 'b'])
    assert.deepEqual(
      asked.map(({ method, url: path, body }) => [method, path, body]),
      [
        ['PUT', '/apis/v7/config/s', '{"compatibility":"FULL"}'],
        ['GET', '/apis/v7/schemas/ids/9', ''],
        ['GET', '/apis/v7/subjects', ''],
      ],
    )
  })

  it('says that a schema is unknown only when the registry answers so', async () => {
    answer = answers(404, '{"error_code":40403}')
    await assert.rejects(client.schemaById(9), hasCode('SCHEMA_UNKNOWN', /\/schemas\/ids\/9/))
  })

  for (const status of [500, 502, 503])
    it(`says that the registry is unavailable when it answers ${status}`, async () => {
      answer = answers(status, 'oops')
      await assert.rejects(client.schemaById(9), hasCode('REGISTRY_UNAVAILABLE', new RegExp(String(status))))
    })

  for (const status of [401, 403])
    it(`names the settings of the login when it answers ${status}, and repeats nothing of the answer`, async () => {
      answer = answers(status, 'you sent canary')
      const login = { kind: 'bearer', token: 'canary' } as const
      for (const [one, settings] of [
        [client, /set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, or SCHEMA_REGISTRY_TOKEN/],
        [new RegistryClient({ url, timeoutMs: 2_000, login }), /check SCHEMA_REGISTRY_TOKEN/],
      ] as const)
        await assert.rejects(one.subjects(), (error: unknown) => {
          assert.ok(hasCode('REGISTRY_REFUSED', settings)(error))
          return !String(error).includes('canary')
        })
    })

  for (const status of [400, 409, 422])
    it(`says that the registry refused when it answers ${status}, and why`, async () => {
      answer = answers(status, `{"message":"not compatible${'!'.repeat(5_000)}"}`)
      await assert.rejects(client.register('s', '{}'), (error: unknown) => {
        assert.ok(hasCode('REGISTRY_REFUSED', /not compatible/)(error))
        return (error as Error).message.length < 500
      })
    })

  it("takes an answer that is no registry's for no answer", async () => {
    for (const body of ['<html>', '', '{"id":', 'null', '[]', '{}', '"x"']) {
      answer = answers(200, body)
      await assert.rejects(client.schemaById(9), hasCode('REGISTRY_UNAVAILABLE'), `schema ${body}`)
      await assert.rejects(client.register('s', '{}'), hasCode('REGISTRY_UNAVAILABLE'), `register ${body}`)
    }
  })

  it('waits no longer than it was told, for the head or for the rest of an answer', async () => {
    const hasty = new RegistryClient({ url, timeoutMs: 100 })
    for (const slow of [() => undefined, (response: ServerResponse) => void response.writeHead(200).write('{"sch')]) {
      answer = slow
      const startedMs = performance.now()
      await assert.rejects(hasty.schemaById(1), hasCode('REGISTRY_UNAVAILABLE', /did not answer GET/))
      assert.ok(performance.now() - startedMs < 1_500)
    }
  })

  it('says that the registry is unavailable when nobody listens or the connection breaks, with the cause', async () => {
    answer = (_, request) => request.socket.destroy()
    await assert.rejects(client.subjects(), hasCode('REGISTRY_UNAVAILABLE'))
    await new Promise((done) => server.close(done))
    await assert.rejects(client.subjects(), (error: unknown) => {
      assert.ok(hasCode('REGISTRY_UNAVAILABLE')(error))
      return (error as Error).cause instanceof Error
    })
  })
})

describe('PlatformError', () => {
  for (const code of PLATFORM_ERROR_CODES)
    it(`${code} keeps its code, message and cause`, () => {
      const cause = new Error('root')
      const error = new PlatformError(code, 'what was asked', { cause })
      assert.deepEqual(
        [error.name, error.code, error.message, error.cause],
        ['PlatformError', code, 'what was asked', cause],
      )
    })
})
