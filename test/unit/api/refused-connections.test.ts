import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { serveHttp } from '../../../api/http-server.js'
import { createRegistry } from '../../../platform/metrics.js'
import { Problem } from '../../../schemas/rest/problem.js'
import { serveApi } from '../../support/serve-api.js'

const MAX_CONNECTIONS = 3

describe('what is refused before there is a request', () => {
  const registry = createRegistry('api')
  let port: number
  let stop: () => Promise<void>
  before(async () => {
    const settings = { host: '127.0.0.1', port: 0, maxConnections: MAX_CONNECTIONS }
    const served = await serveHttp((_request, response) => void response.end('taken'), settings, registry)
    port = served.value.port
    stop = served.stop
  })
  const opened: Socket[] = []
  after(() => {
    for (const socket of opened) socket.destroy()
    return stop()
  })

  /** All that comes back to bytes which are sent whatever comes back, as an eager sender does. */
  const sendAll = (parts: readonly string[], to = port) =>
    new Promise<string>((resolve, reject) => {
      let received = ''
      const socket = connect(to, '127.0.0.1', () => parts.forEach((part) => socket.write(part)))
      socket.setEncoding('utf8').on('data', (text: string) => (received += text))
      socket.on('error', reject)
      socket.on('end', () => socket.end())
      socket.on('close', () => resolve(received))
    })
  const problemOf = (answer: string) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    const problem = Problem.parse(JSON.parse(body))
    assert.ok(head.startsWith(`HTTP/1.1 ${problem.status} `), head)
    assert.match(head, /content-type: application\/problem\+json/i)
    assert.ok(head.includes(`x-request-id: ${problem.request_id}`))
    return problem.code
  }

  it('is answered as a problem, once, and the sender gets to see it', async () => {
    const large = `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(65_536)}\r\n\r\n`
    assert.equal(problemOf(await sendAll([large, 'x'.repeat(200_000), large])), 'HEADERS_TOO_LARGE')
    assert.match(await sendAll(['HEAD \\ HTTP/1.1\r\nhost: x\r\n\r\n']), /^HTTP\/1.1 400 [^]*\r\n\r\n$/)
    assert.equal(problemOf(await sendAll(['no http\r\n\r\n', 'more\r\n\r\n'])), 'MALFORMED_REQUEST')
  })

  it('is nothing that Node would refuse by itself, without a body: who names no host, or expects what nobody knows', async () => {
    const api = await serveApi()
    try {
      assert.equal(problemOf(await sendAll(['GET /livez HTTP/1.1\r\n\r\n'], api.port)), 'MALFORMED_REQUEST')
      const expecting = 'GET /livez HTTP/1.1\r\nhost: x\r\nexpect: 200-maybe\r\nconnection: close\r\n\r\n'
      assert.match(await sendAll([expecting], api.port), /^HTTP\/1.1 200 [^]*x-request-id: /)
      assert.match(await sendAll(['GET /livez HTTP/1.0\r\n\r\n'], api.port), /^HTTP\/1.1 200 /)
    } finally {
      await api.stop()
    }
  })

  it('is a connection too many, which is closed, counted, and has room again once another has gone', async () => {
    const open = () => {
      const socket = connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .resume()
      opened.push(socket)
      return socket
    }
    const metric = async (name: string) => (await registry.getSingleMetric(name)?.get())?.values[0]?.value
    const held = Array.from({ length: MAX_CONNECTIONS }, open)
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    const droppedBefore = (await metric('guardian_http_connections_dropped_total')) ?? 0
    await once(open(), 'close')
    assert.equal(await metric('guardian_http_connections_dropped_total'), droppedBefore + 1)
    assert.equal(await metric('guardian_limit_used'), MAX_CONNECTIONS)
    held.forEach((socket) => socket.destroy())
    while ((await metric('guardian_limit_used')) !== 0) await setTimeout(5)
    assert.match(await sendAll(['GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n']), /^HTTP\/1.1 200 /)
  })
})
