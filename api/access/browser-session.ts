import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { sameDigest } from './api-key.js'

/** `__Host-`: a browser takes it over TLS or from this machine only, for this host only, and no subdomain can set it. */
const SESSION_COOKIE = '__Host-guardian'

/** Names what a page must send back with every change; other origins can neither read nor guess it. */
const CSRF_HEADER = 'x-csrf-token'

/** The secret of a new log-in: 256 random bits. Only its digest is stored. */
export const createSessionToken = (): string => randomBytes(32).toString('base64url')

/** The token that belongs to a log-in: nobody who does not hold the cookie can compute it. */
export const csrfTokenOf = (sessionToken: string): string =>
  createHmac('sha256', sessionToken).update('csrf').digest('base64url')

const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict'

/** The `Set-Cookie` of a log-in. */
export const sessionCookie = (token: string, maxAgeSeconds: number): string =>
  `${SESSION_COOKIE}=${token}; ${ATTRIBUTES}; Max-Age=${maxAgeSeconds}`

/** The `Set-Cookie` that makes a browser forget a log-in. */
export const endedCookie = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`

/** The token in a request's cookies; undefined when there is none, or more than one. */
export function readSessionCookie(header: string | undefined): string | undefined {
  const found = (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${SESSION_COOKIE}=`))
  return found.length === 1 ? found[0]?.slice(SESSION_COOKIE.length + 1) : undefined
}

/**
 * Whether a change that comes with a cookie was made by a page of this server: the browser says that it comes from the
 * same origin, and the page has sent the token that only it could read.
 */
export function isFromOwnPage(headers: IncomingHttpHeaders, sessionToken: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  const { origin, host } = headers
  if (origin !== undefined && hostOf(origin) !== host) return false
  const given = headers[CSRF_HEADER]
  return typeof given === 'string' && sameDigest(Buffer.from(given), Buffer.from(csrfTokenOf(sessionToken)))
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
