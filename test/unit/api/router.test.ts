import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { z } from 'zod'
import type { Operation } from '../../../schemas/rest/operations.js'
import { readProblem, serveOperations, type ServedApi } from '../../support/serve-api.js'

const none = z.strictObject({})
const answers = { 201: { description: 'said back', contentType: 'application/json', schema: z.unknown() } } as const
const table = {
  echo: {
    method: 'post',
    path: '/echo/{name}',
    tag: 'service',
    summary: '',
    access: 'open',
    params: z.strictObject({ name: z.string().regex(/^[a-z]+$/, 'not a name') }),
    query: none,
    body: z.strictObject({ text: z.string(), more: z.array(z.int()).optional() }),
    answers,
    problems: [],
  },
  fail: {
    method: 'get',
    path: '/fail',
    tag: 'service',
    summary: '',
    access: 'open',
    params: none,
    query: none,
    answers,
    problems: [],
  },
} as const satisfies Record<string, Operation>

describe('router', () => {
  let api: ServedApi
  before(async () => {
    api = await serveOperations(
      table,
      {
        echo: ({ params, body }) => ({ status: 201, body: { ...body, name: params.name } }),
        fail: () => Promise.reject(new Error('SELECT secret FROM inside')),
      },
      1_000,
    )
  })
  after(() => api.stop())

  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/echo/ann`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

  it('gives the handler what was checked, and sends its reply', async () => {
    const response = await post('{"text":"hi"}')
    assert.deepEqual([response.status, await response.json()], [201, { text: 'hi', name: 'ann' }])
  })

  it('names every fault of params and body, and no value', async () => {
    const response = await fetch(`${api.url}/echo/ANN?x=secret`, {
      method: 'POST',
      body: '{"text":"hi","more":[1,"secret"],"other":1}',
      headers: { 'content-type': 'application/json' },
    })
    const problem = await readProblem(response)
    assert.equal(problem.code, 'BAD_REQUEST')
    assert.deepEqual(
      problem.errors?.map(({ path }) => path),
      ['params.name', 'query.x', 'body.more.1', 'body.other'],
    )
    assert.doesNotMatch(JSON.stringify(problem), /secret/)
  })

  it('refuses a body that is not JSON, or no JSON object', async () => {
    for (const body of ['{', '', 'null', '"x"', '{"text":"hi"']) {
      const problem = await readProblem(await post(body))
      assert.ok(['MALFORMED_BODY', 'BAD_REQUEST'].includes(problem.code), body)
    }
  })

  it('refuses another content-type, charset or encoding with 415', async () => {
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=ebcdic' },
      { 'content-encoding': 'compress' },
    ] as Record<string, string>[])
      assert.equal((await readProblem(await post('{"text":"hi"}', headers))).code, 'BODY_NOT_SUPPORTED')
  })

  it('refuses a body over the limit with 413: declared, in chunks, or once it is decompressed', async () => {
    assert.equal((await readProblem(await post('x'.repeat(1_001)))).code, 'BODY_TOO_LARGE')
    const bomb = gzipSync(Buffer.alloc(100_000, 'a'))
    assert.ok(bomb.length < 1_000)
    assert.equal((await readProblem(await post(bomb, { 'content-encoding': 'gzip' }))).code, 'BODY_TOO_LARGE')
    assert.equal(await chunkedStatus(api.port, 'x'.repeat(600), 4), 413)
  })

  it('refuses any body where none is read', async () => {
    const status = await new Promise((resolve, reject) => {
      const sent = httpRequest({ port: api.port, path: '/fail', method: 'GET', headers: { 'content-length': 3 } })
      sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject)
      sent.end('abc')
    })
    assert.equal(status, 415)
  })

  it('answers 405 with what is allowed, also for OPTIONS', async () => {
    for (const [path, method, allow] of [
      ['/fail', 'DELETE', 'GET, HEAD'],
      ['/fail', 'OPTIONS', 'GET, HEAD'],
      ['/echo/ann', 'GET', 'POST'],
    ] as const) {
      const response = await fetch(`${api.url}${path}`, { method })
      assert.equal(response.headers.get('allow'), allow)
      assert.equal((await readProblem(response)).code, 'METHOD_NOT_ALLOWED')
    }
  })

  it('tells the caller nothing of what broke inside, and the log everything', async () => {
    const response = await fetch(`${api.url}/fail`, { headers: { 'x-request-id': 'ticket-7' } })
    const problem = await readProblem(response)
    assert.deepEqual([problem.code, problem.status, problem.request_id], ['INTERNAL', 500, 'ticket-7'])
    assert.doesNotMatch(JSON.stringify(problem), /SELECT|secret|\.ts|at /)
    const line = api.logLines.find((text) => text.includes('request_failed'))
    assert.match(line ?? '', /SELECT secret FROM inside.*ticket-7/)
  })
})

function chunkedStatus(port: number, chunk: string, times: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
    const sent = httpRequest({ port, path: '/echo/ann', method: 'POST', headers })
    sent.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject)
    for (let i = 0; i < times; i += 1) sent.write(chunk)
    sent.end()
  })
}
