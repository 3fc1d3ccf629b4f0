import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { readProblem, serveApi, type ServedApi } from '../../support/serve-api.js'

const LIMIT = 100_000

describe('a body over the limit', () => {
  let api: ServedApi
  before(async () => (api = await serveApi({ bodyLimitBytes: LIMIT })))
  after(() => api.stop())

  /** What comes back to a sender that never ends its body, and goes on for as long as the connection is open. */
  const sendForEver = (head: string, part: string) =>
    new Promise<string>((resolve) => {
      let received = ''
      const socket = connect(api.port, '127.0.0.1', () => {
        socket.write(`POST /events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${head}\r\n\r\n`)
        const more = setInterval(() => socket.write(part), 5)
        socket.once('close', () => clearInterval(more))
      })
      socket.setEncoding('utf8').on('data', (text: string) => (received += text))
      socket.on('error', () => undefined) // it is cut off in the end
      socket.on('close', () => resolve(received))
    })

  it('is refused as soon as it is over, in chunks and declared; its sender sees the answer and is then cut off', async () => {
    const part = 'x'.repeat(20_000)
    // Beside each other: each is only cut off after a second.
    const answers = await Promise.all([
      sendForEver('transfer-encoding: chunked', `${part.length.toString(16)}\r\n${part}\r\n`),
      sendForEver('content-length: 10000000000', part),
    ])
    for (const received of answers) {
      assert.match(received, /^HTTP\/1\.1 413 /)
      assert.match(received, /"code":"BODY_TOO_LARGE"/)
    }
  })
})

describe('a packed body', () => {
  let api: ServedApi
  before(async () => (api = await serveApi({ bodyLimitBytes: LIMIT })))
  after(() => api.stop())
  const send = (encoding: string, body: Buffer) =>
    fetch(`${api.url}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': encoding },
      body: new Uint8Array(body),
    })

  it('is refused when it is not packed as it says, or not whole', async () => {
    const packed = { gzip: gzipSync('[]'), deflate: deflateSync('[]'), br: brotliCompressSync('[]') }
    for (const [encoding, whole] of Object.entries(packed))
      for (const body of [Buffer.from('{"no": "packed body"}'), whole.subarray(0, whole.length - 2)])
        assert.equal((await readProblem(await send(encoding, body))).code, 'MALFORMED_BODY', encoding)
  })
})
