import { randomUUID } from 'node:crypto'
import type { RequestHandler } from 'express'
import { setContext } from '../request-context.js'

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/

/** Gives every request an id: the caller's `x-request-id` when it is harmless, else a new one. It is sent back. */
export const requestId: RequestHandler = (request, response, next) => {
  const given = request.get('x-request-id')
  const id = given !== undefined && ACCEPTED.test(given) ? given : randomUUID()
  setContext(response, { requestId: id, route: 'unmatched' })
  response.set('x-request-id', id)
  next()
}
