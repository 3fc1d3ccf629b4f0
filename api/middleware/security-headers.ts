import type { RequestHandler } from 'express'
import helmet from 'helmet'

const nothing = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

const withPolicy = (directives: Record<string, string[]>): RequestHandler =>
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    referrerPolicy: { policy: 'no-referrer' },
    frameguard: { action: 'deny' },
    strictTransportSecurity: false, // said by whatever ends TLS: this server speaks plain HTTP
  })

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
  response.set('cache-control', 'private, no-store')
  if (request.path === '/docs' || request.path === '/') forPages(request, response, next)
  else forData(request, response, next)
}
