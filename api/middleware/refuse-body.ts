import type { RequestHandler } from 'express'
import { ProblemError } from '../problem-error.js'

/** Whether the request says that it brings a body. */
const hasBody = (headers: Readonly<Record<string, unknown>>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Refuses a body that is declared over the limit before a byte of it is read, and closes the connection. */
export const refuseLargeBody =
  (limitBytes: number): RequestHandler =>
  (request, response, next) => {
    if (Number(request.headers['content-length'] ?? 0) <= limitBytes) {
      next()
      return
    }
    response.set('connection', 'close')
    next(new ProblemError('BODY_TOO_LARGE', `the body is over ${limitBytes} bytes`))
  }

/** For operations without a body. */
export const refuseAnyBody: RequestHandler = (request, response, next) => {
  if (!hasBody(request.headers)) {
    next()
    return
  }
  response.set('connection', 'close')
  next(new ProblemError('BODY_NOT_SUPPORTED', 'this operation takes no body'))
}

/** For operations with a JSON body. */
export const requireJson: RequestHandler = (request, _response, next) => {
  if (!hasBody(request.headers)) next(new ProblemError('MALFORMED_BODY', 'a JSON body is required'))
  else if (request.is('application/json') === false)
    next(new ProblemError('BODY_NOT_SUPPORTED', 'the content-type is not application/json'))
  else next()
}
