import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { cutLater } from './linger.js'
import { ProblemError } from './problem-error.js'

/** Node's refusals that are not of malformed bytes. */
const KNOWN: Readonly<Record<string, ProblemError>> = {
  HPE_HEADER_OVERFLOW: new ProblemError('HEADERS_TOO_LARGE', 'request line and headers are larger than 16 KiB'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new ProblemError('BODY_TOO_LARGE', 'the chunk extensions are over the limit'),
  ERR_HTTP_REQUEST_TIMEOUT: new ProblemError('REQUEST_TIMEOUT', 'the request did not arrive in time'),
}
const MALFORMED = new ProblemError('MALFORMED_REQUEST', 'the bytes are no HTTP/1.1 request')

/** What Node could not parse, if it is that. */
type RefusedError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer }

/** An answer to HEAD has no body. */
const isHead = ({ rawPacket }: RefusedError): boolean => rawPacket?.subarray(0, 5).toString('latin1') === 'HEAD '

/**
 * Answers, as a problem, what is refused before there is a request: headers that are too large, a sender that is too slow,
 * bytes that are no HTTP.
 */
export function answerRefused(error: RefusedError, socket: Duplex): void {
  if (socket.writableEnded) return // the rest of what has been refused already
  const { _httpMessage: underWay } = socket as Duplex & { readonly _httpMessage?: ServerResponse }
  if (!socket.writable || error.code === 'ECONNRESET' || underWay?.headersSent === true) {
    socket.destroy()
    return
  }
  const problem = KNOWN[error.code ?? ''] ?? MALFORMED
  const requestId = randomUUID()
  const body = JSON.stringify(problem.toProblem(requestId))
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'x-content-type-options: nosniff',
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${isHead(error) ? '' : body}`)
  cutLater(socket)
}
