import { MAX_ITEM_ID_LENGTH } from '../events/event-fault.js'
import { isPlain, normalisePercentEncoding } from './percent-encoding.js'
import { isSessionParameter, withoutSession } from './session-parameters.js'

export interface CanonicalItemOptions {
  /**
   * `keep`: paths that differ in case are different, as RFC 3986 has it. `fold`: ASCII letters in lower case, for
   * servers that ignore case (IIS).
   */
  readonly case: 'keep' | 'fold'
  /** `strip`: `/item/42/` is `/item/42`. Nearly every shop serves both as one page or redirects one to the other. */
  readonly trailingSlash: 'keep' | 'strip'
  /**
   * Which query parameters are part of the item: none, all but those of sessions, or the ones with these names, in this
   * order (`['product_id']` for `/index.php?product_id=42`).
   */
  readonly query: 'drop' | 'keep' | readonly string[]
}

export const CANONICAL_ITEM_DEFAULTS: CanonicalItemOptions = { case: 'keep', trailingSlash: 'strip', query: 'drop' }

const SLASH = 0x2f
const DOT = 0x2e
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i
const DIGEST_CHARACTERS = 16

/** Characters that a canonical path can have only in some places, or not at all: `%` `;` `?` `#` `(` `=`, and others. */
const PLAIN = 0
const LOOK_CLOSER = 1
const UPPER = 2
const KINDS = new Uint8Array(128)
for (let code = 0; code < 128; code++)
  KINDS[code] = !isPlain(code) || code === 0x28 || code === 0x3b || code === 0x3d ? LOOK_CLOSER : PLAIN
for (let code = 0x41; code <= 0x5a; code++) KINDS[code] = UPPER

/**
 * One spelling for all spellings of a request's target that RFC 3986 § 6.2.2 holds equivalent: unreserved characters
 * are decoded, hex digits in upper case, dot segments removed. Repeated slashes are one, as nginx (`merge_slashes`) and
 * Apache (`MergeSlashes`) read them. Session ids, the origin of an absolute target and the fragment are removed.
 *
 * Takes any text, never throws, and takes time in proportion to its length. Its result is its own canonical spelling.
 * @returns begins with `/`; printable ASCII, at most `MAX_ITEM_ID_LENGTH` characters. A longer one is cut and ends in `~`
 *   and a digest of the whole, so that different items stay different.
 */
export function canonicalItem(target: string, options: CanonicalItemOptions = CANONICAL_ITEM_DEFAULTS): string {
  if (isCanonical(target, options)) return target
  const fragmentFrom = target.indexOf('#')
  const whole = fragmentFrom < 0 ? target : target.slice(0, fragmentFrom)
  const queryFrom = whole.indexOf('?')
  const asked = queryFrom < 0 ? whole : whole.slice(0, queryFrom)
  const spelled = asked.startsWith('/') ? asked : asked.replace(ORIGIN, '')
  const path = inCase(canonicalPath(normalisePercentEncoding(spelled), options.trailingSlash), options)
  const query = queryFrom < 0 ? '' : canonicalQuery(whole.slice(queryFrom + 1), options)
  const item = query === '' ? path : `${path}?${query}`
  return item.length <= MAX_ITEM_ID_LENGTH ? item : shortened(path, item)
}

/** A quick look that is enough for most requests. False also for some canonical items: they take the long way. */
function isCanonical(target: string, options: CanonicalItemOptions): boolean {
  const { length } = target
  if (length === 0 || length > MAX_ITEM_ID_LENGTH || target.charCodeAt(0) !== SLASH) return false
  const folds = options.case === 'fold'
  let previous = 0
  for (let at = 0; at < length; at++) {
    const code = target.charCodeAt(at)
    if (code >= 128) return false
    const kind = KINDS[code] ?? LOOK_CLOSER
    if (kind === LOOK_CLOSER || (kind === UPPER && folds)) return false
    if (previous === SLASH && (code === SLASH || code === DOT)) return false
    previous = code
  }
  return previous !== SLASH || length === 1 || options.trailingSlash === 'keep'
}

function canonicalPath(path: string, trailingSlash: 'keep' | 'strip'): string {
  const kept: string[] = []
  let endsInSlash = false
  for (const asked of path.split('/')) {
    const segment = withoutSession(asked)
    endsInSlash = segment === '' || segment === '.' || segment === '..'
    if (!endsInSlash) kept.push(segment)
    else if (segment === '..') kept.pop()
  }
  const joined = `/${kept.join('/')}`
  return endsInSlash && kept.length > 0 && trailingSlash === 'keep' ? `${joined}/` : joined
}

function canonicalQuery(query: string, options: CanonicalItemOptions): string {
  if (options.query === 'drop') return ''
  const parameters = query
    .split('&')
    .map((parameter) => inCase(normalisePercentEncoding(parameter, '?'), options))
    .filter((parameter) => parameter !== '' && !isSessionParameter(parameter))
  if (options.query === 'keep') return parameters.join('&')
  const names = options.query.map((name) => inCase(name, options))
  const orderOf = (parameter: string): number => names.indexOf(parameter.replace(/=.*$/, ''))
  return parameters
    .filter((parameter) => orderOf(parameter) >= 0)
    .sort((a, b) => orderOf(a) - orderOf(b))
    .join('&')
}

/** Percent-encoded bytes keep their upper-case digits. */
const inCase = (text: string, options: CanonicalItemOptions): string =>
  options.case === 'keep' ? text : text.toLowerCase().replaceAll(/%[0-9a-f]{2}/g, (triplet) => triplet.toUpperCase())

/** The beginning of the path and a digest of all; no query, whose names could be cut. */
function shortened(path: string, item: string): string {
  const room = MAX_ITEM_ID_LENGTH - DIGEST_CHARACTERS - 1
  const start = path.slice(0, room).replace(/%[0-9A-F]?$/, '')
  return `${start}~${digest(item)}`
}

/** 64 bits by two sums of FNV-1a's kind. Nobody gains by items that collide: they count as fewer. */
function digest(text: string): string {
  let a = 0x811c9dc5
  let b = 0x2545f491
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ (code + at), 0x85ebca6b)
    b ^= b >>> 13
  }
  return (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0')
}
