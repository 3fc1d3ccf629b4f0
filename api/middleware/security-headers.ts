import type { Request, RequestHandler, Response } from 'express'
import helmet from 'helmet'

const nothing = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

type Headers = ReadonlyMap<string, string>

/** What helmet sets is the same for every request: it is asked once. */
function withPolicy(directives: Record<string, string[]>): Headers {
  const found = new Map([['cache-control', 'private, no-store']])
  const response = { setHeader: (name: string, value: string) => found.set(name, value), removeHeader: () => undefined }
  const set = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false, // said by whatever ends TLS: this server speaks plain HTTP
  })
  const nobody: unknown = {}
  set(nobody as Request, response as unknown as Response, (error) => {
    if (error !== undefined) throw error instanceof Error ? error : new Error('helmet', { cause: error })
  })
  return found
}

const forData = withPolicy(nothing)

/** Pages run scripts and styles from this address only; nothing inline. */
const forPages = withPolicy({
  ...nothing,
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
})

/** Headers that keep a browser from doing more with an answer than to show it. Data may load nothing at all. */
export const securityHeaders: RequestHandler = (request, response, next) => {
  const isPage = request.path === '/docs' || request.path === '/'
  for (const [name, value] of isPage ? forPages : forData) response.setHeader(name, value)
  next()
}
