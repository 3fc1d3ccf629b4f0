import express, { type Request, type RequestHandler, type Response } from 'express'
import { cutLater } from '../linger.js'
import { ProblemError } from '../problem-error.js'

/** Whether the request says that it brings a body. */
const hasBody = (headers: Readonly<Record<string, unknown>>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Reads, and forgets, what the caller still sends, and ends the connection if that takes too long. */
function closeLater(request: Request, response: Response): void {
  response.once('finish', () => {
    request.resume()
    cutLater(request.socket, () => request.complete)
  })
}

/** Refuses a body that is declared over the limit before a byte of it is read, and closes the connection. */
export const refuseLargeBody =
  (limitBytes: number): RequestHandler =>
  (request, response, next) => {
    if (Number(request.headers['content-length'] ?? 0) <= limitBytes) {
      next()
      return
    }
    closeLater(request, response)
    next(tooLarge(limitBytes))
  }

/** For operations without a body. */
export const refuseAnyBody: RequestHandler = (request, response, next) => {
  if (!hasBody(request.headers)) {
    next()
    return
  }
  closeLater(request, response)
  next(new ProblemError('BODY_NOT_SUPPORTED', 'this operation takes no body'))
}

/** For operations with a JSON body. */
export const requireJson: RequestHandler = (request, _response, next) => {
  if (!hasBody(request.headers)) next(new ProblemError('MALFORMED_BODY', 'a JSON body is required'))
  else if (request.is('application/json') === false)
    next(new ProblemError('BODY_NOT_SUPPORTED', 'the content-type is not application/json'))
  else next()
}

/**
 * Reads a JSON body. One that did not say how long it is, is refused as soon as it is over the limit: Express would first
 * read the rest of it, however much that is.
 */
export function readJson(limitBytes: number): RequestHandler {
  const parse: RequestHandler = express.json({ limit: limitBytes, type: 'application/json' })
  return (request, response, next) => {
    let [bytes, isOver] = [0, false]
    const count = (part: Buffer) => {
      bytes += part.length
      if (bytes <= limitBytes || isOver) return
      isOver = true
      closeLater(request, response)
      next(tooLarge(limitBytes))
    }
    parse(request, response, (error?: unknown) => {
      request.off('data', count)
      if (!isOver) next(error)
    })
    request.on('data', count)
  }
}

const tooLarge = (limitBytes: number) => new ProblemError('BODY_TOO_LARGE', `the body is over ${limitBytes} bytes`)
