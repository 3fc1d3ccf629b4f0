import { clientAddress, type ClientFrom } from '../client/client-from.js'
import { knownOrNull } from '../client/known.js'
import { splitTarget, requestTarget } from './request-target.js'

/** One request of a web server's access log. Texts of the client have no control characters. */
export interface LogEntry {
  readonly kind: 'entry'
  /** Who the client is, normalised: an address, or a host name where the server logs those. */
  readonly client: string
  /** The same when it is an address. */
  readonly address: string | null
  /** The authenticated user, or null. */
  readonly user: string | null
  readonly atMs: number
  /** Upper case; null when the log does not say. */
  readonly method: string | null
  /** Path without query and fragment, as requested. */
  readonly path: string
  /** Without the `?`; null when there is none. */
  readonly query: string | null
  readonly status: number | null
  readonly referrer: string | null
  readonly userAgent: string | null
}

/** Why a line is not read although nothing is wrong with it. A closed list, safe to count by. */
export const SKIPS = [
  'blank',
  'directive',
  'no_request',
  'no_path',
  'not_an_access_record',
  'incomplete_last_line',
  'asset',
  'api',
] as const
export type Skip = (typeof SKIPS)[number]

/** Why a line cannot be read. A closed list, safe to count by. */
export const REJECTIONS = ['not_this_format', 'too_long', 'binary', 'bad_time', 'in_the_future', 'no_client'] as const
export type Rejection = (typeof REJECTIONS)[number]

export type NotRead =
  { readonly kind: 'skipped'; readonly reason: Skip } | { readonly kind: 'rejected'; readonly reason: Rejection }
export type ParsedLine = LogEntry | NotRead

export const skipped = (reason: Skip): NotRead => ({ kind: 'skipped', reason })
export const rejected = (reason: Rejection): NotRead => ({ kind: 'rejected', reason })

/** The fields of a line as its format gives them, each as written; a field that the format lacks is undefined. */
export interface RawFields {
  client: string | undefined
  forwarded: string | undefined
  user: string | undefined
  time: string | undefined
  /** `GET /path HTTP/1.1`; or its parts: */
  request: string | undefined
  method: string | undefined
  target: string | undefined
  query: string | undefined
  status: string | undefined
  referrer: string | undefined
  userAgent: string | undefined
  /** Any other field, by the name that the format gives it. */
  named: (name: string) => string | undefined
}

/** Line of a log → what it says. Formats that describe themselves in the log keep state between lines. */
export type LineParser = (line: string) => ParsedLine

export interface EntryOptions {
  readonly clientFrom: ClientFrom
  /** Milliseconds since the epoch, or undefined when the text is no time. */
  readonly readTime: (text: string) => number | undefined
}

/** A host name as servers log it when they look addresses up: labels of letters, digits and hyphens, the last not a number. */
const HOST_NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i
const CONTROL = /[\u0000-\u001f\u007f]/
const CONTROLS = /[\u0000-\u001f\u007f]/g

/** The entry that a line's fields make. What the client chose is cleaned, and never a reason not to read the line. */
export function entryOf(fields: RawFields, { clientFrom, readTime }: EntryOptions): ParsedLine {
  const atMs = fields.time === undefined ? undefined : readTime(fields.time)
  if (atMs === undefined) return rejected('bad_time')
  const { client: peer, forwarded, named } = fields
  const address = clientAddress(clientFrom, { peer, forwarded, field: named })
  const client = address ?? hostName(peer)
  if (client === undefined) return rejected('no_client')
  const request = fields.request === undefined ? partsOf(fields) : requestTarget(fields.request)
  if (request === undefined) return skipped('no_request')
  const target = splitTarget(request.target)
  if (target === undefined) return skipped('no_path')
  return {
    kind: 'entry',
    client,
    address: address ?? null,
    user: printable(fields.user),
    atMs,
    method: request.method,
    path: clean(target.path),
    query: target.query === null ? null : clean(target.query),
    status: fields.status !== undefined && /^\d{3}$/.test(fields.status) ? Number(fields.status) : null,
    referrer: printable(fields.referrer),
    userAgent: printable(fields.userAgent),
  }
}

function partsOf({ method, target, query }: RawFields): { method: string | null; target: string } | undefined {
  const path = knownOrNull(target)
  if (path === null) return undefined
  const search = knownOrNull(query)
  const whole =
    search === null || path.includes('?') ? path : `${path}?${search.startsWith('?') ? search.slice(1) : search}`
  return { method: knownOrNull(method)?.toUpperCase() ?? null, target: whole }
}

function hostName(peer: string | undefined): string | undefined {
  if (peer === undefined || !HOST_NAME.test(peer)) return undefined
  const name = peer.toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/** A text of the client without control characters, or null when it says that there is none. */
function printable(given: string | undefined): string | null {
  const known = knownOrNull(given)
  return known === null ? null : clean(known)
}

const clean = (text: string): string =>
  CONTROL.test(text) ? text.replace(CONTROLS, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`) : text
