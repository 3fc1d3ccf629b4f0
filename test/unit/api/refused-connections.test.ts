import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { serveHttp } from '../../../api/http-server.js'
import { Problem } from '../../../schemas/rest/problem.js'

describe('what is refused before there is a request', () => {
  let port: number
  let stop: () => Promise<void>
  before(async () => {
    const served = await serveHttp((_request, response) => void response.end('taken'), { host: '127.0.0.1', port: 0 })
    port = served.value.port
    stop = served.stop
  })
  after(() => stop())

  /** All that comes back to bytes which are sent whatever comes back, as an eager sender does. */
  const sendAll = (parts: readonly string[]) =>
    new Promise<string>((resolve, reject) => {
      let received = ''
      const socket = connect(port, '127.0.0.1', () => parts.forEach((part) => socket.write(part)))
      socket.setEncoding('utf8').on('data', (text: string) => (received += text))
      socket.on('error', reject)
      socket.on('end', () => socket.end())
      socket.on('close', () => resolve(received))
    })
  const problemOf = (answer: string) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    const problem = Problem.parse(JSON.parse(body))
    assert.ok(head.startsWith(`HTTP/1.1 ${problem.status} `), head)
    assert.match(head, /content-type: application\/problem\+json/)
    assert.ok(head.includes(`x-request-id: ${problem.request_id}`))
    return problem.code
  }

  it('is answered as a problem, once, and the sender gets to see it', async () => {
    const large = `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(65_536)}\r\n\r\n`
    assert.equal(problemOf(await sendAll([large, 'x'.repeat(200_000), large])), 'HEADERS_TOO_LARGE')
    assert.match(await sendAll(['HEAD \\ HTTP/1.1\r\nhost: x\r\n\r\n']), /^HTTP\/1.1 400 [^]*\r\n\r\n$/)
    assert.equal(problemOf(await sendAll(['no http\r\n\r\n', 'more\r\n\r\n'])), 'MALFORMED_REQUEST')
  })
})
