import { connect } from 'node:net'

const LINE = 'GET /livez HTTP/1.1\r\nhost: x\r\n'
const POST = 'POST /session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'

/** What no HTTP library would send. */
export const RAW_REQUESTS: readonly string[] = [
  '\r\n\r\n',
  '\0\0\0\0',
  'GET\r\n\r\n',
  'GET /livez\r\n\r\n',
  'GET /livez HTTP/0.9\r\n\r\n',
  'GET /livez HTTP/9.9\r\nhost: x\r\n\r\n',
  'GET  /livez HTTP/1.1\r\nhost: x\r\n\r\n',
  'get /livez HTTP/1.1\r\nhost: x\r\n\r\n',
  'BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET /livez HTTP/1.1\r\n\r\n',
  'GET http://evil.example/livez HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET //evil.example/livez HTTP/1.1\r\nhost: x\r\n\r\n',
  'GET * HTTP/1.1\r\nhost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n',
  'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  `${LINE}upgrade: h2c\r\nconnection: upgrade\r\n\r\n`,
  `${LINE}upgrade: websocket\r\nconnection: upgrade\r\n\r\n`,
  `${LINE}host: y\r\n\r\n`,
  `${LINE} folded: x\r\n\r\n`,
  `${LINE}x y: z\r\n\r\n`,
  `${LINE}x: a\0b\r\n\r\n`,
  `${LINE}x: a\rb\r\n\r\n`,
  `${LINE}: empty\r\n\r\n`,
  `${LINE}x: ${'a'.repeat(20_000)}\r\n\r\n`,
  `${LINE}${Array.from({ length: 500 }, (_, n) => `x-${n}: y\r\n`).join('')}\r\n`,
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  `${POST}content-length: -1\r\n\r\n`,
  `${POST}content-length: 1e3\r\n\r\n`,
  `${POST}content-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}`,
  `${POST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${POST}content-length: 99999999999999999999\r\n\r\n`,
  `${POST}transfer-encoding: chunked\r\n\r\nzz\r\n`,
  `${POST}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n`,
  `${POST}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`,
  `${POST}content-length: 10\r\n\r\n{}`,
  `${POST}expect: 200-maybe\r\ncontent-length: 2\r\n\r\n{}`,
  `${LINE}\r\n`.repeat(50),
  `${LINE}\r\nGARBAGE\r\n\r\n`,
  'GET /livez HTTP/1.1\r\nhost: x\r\nconn',
]

/**
 * Sends bytes as they are and says that nothing more comes.
 * @returns all that came back until the server closed
 * @throws Error when the connection is still open after `deadlineMs`
 */
export function sendRaw(port: number, bytes: string, deadlineMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes, 'latin1'))
    const timer = setTimeout(() => socket.destroy(new Error(`open after ${deadlineMs} ms: ${JSON.stringify(bytes.slice(0, 80))}`)), deadlineMs) // prettier-ignore
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server that closes while we still send is a server that has refused.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(received)
    })
  })
}
