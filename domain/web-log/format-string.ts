import { GuardianError } from '../errors.js'

/** What a field of a format means to the reader; `other` is passed over, unless somebody asks for it by name. */
export type Slot =
  | 'client'
  | 'forwarded'
  | 'user'
  | 'time'
  | 'request'
  | 'method'
  | 'target'
  | 'query'
  | 'status'
  | 'referrer'
  | 'userAgent'
  | 'other'

/** A format is literal text and fields in turn. */
export type FormatPart = { readonly literal: string } | { readonly slot: Slot; readonly name: string }

const NGINX: Readonly<Record<string, Slot>> = {
  remote_addr: 'client',
  realip_remote_addr: 'client',
  proxy_protocol_addr: 'client',
  http_x_forwarded_for: 'forwarded',
  proxy_add_x_forwarded_for: 'forwarded',
  remote_user: 'user',
  time_local: 'time',
  time_iso8601: 'time',
  msec: 'time',
  request: 'request',
  request_method: 'method',
  request_uri: 'target',
  uri: 'target',
  document_uri: 'target',
  args: 'query',
  query_string: 'query',
  status: 'status',
  http_referer: 'referrer',
  http_user_agent: 'userAgent',
}

const APACHE: Readonly<Record<string, Slot>> = {
  h: 'client',
  a: 'client',
  '{c}a': 'client',
  '{x-forwarded-for}i': 'forwarded',
  u: 'user',
  t: 'time',
  r: 'request',
  m: 'method',
  U: 'target',
  q: 'query',
  s: 'status',
  '{referer}i': 'referrer',
  '{user-agent}i': 'userAgent',
}

const MAX_FORMAT_LENGTH = 8_192
const MAX_FIELDS = 200

/**
 * Reads nginx's `log_format` or Apache's `LogFormat`: only the format itself, or the whole line of the configuration.
 * @throws GRD_BAD_INPUT naming what is wrong
 */
export function parseFormatString(given: string): readonly FormatPart[] {
  if (given.length > MAX_FORMAT_LENGTH) throw bad(`longer than ${MAX_FORMAT_LENGTH} characters`)
  const text = formatOf(given.trim())
  const isNginx = /\$\{?[a-z]/.test(text)
  const parts = mergeTimes(isNginx ? nginxParts(text) : apacheParts(text))
  const slots = parts.flatMap((part) => ('slot' in part ? [part.slot] : []))
  if (slots.length > MAX_FIELDS) throw bad(`more than ${MAX_FIELDS} fields`)
  const lacks = [
    ...(slots.includes('client') || slots.includes('forwarded') ? [] : ['the client (nginx $remote_addr, Apache %h)']),
    ...(slots.includes('time') ? [] : ['the time ($time_local, %t)']),
    ...(slots.includes('request') || slots.includes('target') ? [] : ['the request ($request, %r)']),
  ]
  if (lacks.length > 0) throw bad(`it has no field for ${lacks.join(', ')}`)
  return adjacentChecked(parts)
}

const bad = (why: string): GuardianError => new GuardianError('GRD_BAD_INPUT', `the log format cannot be used: ${why}`)

/** The format in a line of a configuration: `log_format main '…' '…';` or `LogFormat "…" combined`. */
function formatOf(text: string): string {
  const nginx = /^log_format\s+\S+\s+(?:escape=\S+\s+)?([\s\S]*?);?$/.exec(text)
  if (nginx) return joinQuoted(nginx[1] ?? '')
  const apache = /^(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"/i.exec(text)
  if (apache) return (apache[1] ?? '').replaceAll('\\"', '"')
  const isQuoted = /^'[^']*'(\s*'[^']*')*$/.test(text)
  return isQuoted ? joinQuoted(text) : text.replaceAll('\\"', '"')
}

const joinQuoted = (text: string): string =>
  [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, a, b]) => a ?? b ?? '').join('')

function nginxParts(text: string): FormatPart[] {
  return partsBy(text, /\$(?:\{([a-z0-9_]+)\}|([a-z0-9_]+))/g, ([, braced, plain]) => {
    const name = braced ?? plain ?? ''
    return { slot: NGINX[name] ?? 'other', name }
  })
}

/** `%>s`, `%!200,304{Referer}i`, `%{%d/%b/%Y}t`; `%v:%p` and all else that names no client is `other`. */
function apacheParts(text: string): FormatPart[] {
  const parts = partsBy(text, /%(?:%|[!<>\d,]*(?:\{([^}]*)\})?(\^?[A-Za-z]{1,3}))/g, ([whole, argument, letters]) => {
    if (whole === '%%') return { literal: '%' }
    const letter = letters?.startsWith('^') === true ? letters : (letters ?? '').charAt(0)
    const name = argument === undefined ? letter : `{${argument.toLowerCase()}}${letter}`
    const slot = letter === 't' ? 'time' : (APACHE[name] ?? 'other')
    const rest = letters !== undefined && !letters.startsWith('^') ? letters.slice(1) : ''
    // Apache brackets %t itself, but not a time with a format of its own.
    if (letter === 't' && argument === undefined) return [{ literal: '[' }, { slot, name }, { literal: `]${rest}` }]
    return [{ slot, name: argument ?? letter }, { literal: rest }]
  })
  return parts.map((part) => ('literal' in part ? { literal: part.literal.replaceAll('\\t', '\t') } : part))
}

function partsBy(
  text: string,
  pattern: RegExp,
  read: (match: RegExpExecArray) => FormatPart | readonly FormatPart[],
): FormatPart[] {
  const parts: FormatPart[] = []
  let from = 0
  for (const match of text.matchAll(pattern)) {
    parts.push({ literal: text.slice(from, match.index) })
    const part = read(match)
    parts.push(...('length' in part ? part : [part]))
    from = match.index + match[0].length
  }
  parts.push({ literal: text.slice(from) })
  return joinLiterals(parts)
}

function joinLiterals(parts: readonly FormatPart[]): FormatPart[] {
  const joined: FormatPart[] = []
  for (const part of parts) {
    const last = joined.at(-1)
    if ('slot' in part) joined.push(part)
    else if (part.literal === '') continue
    else if (last !== undefined && 'literal' in last)
      joined[joined.length - 1] = { literal: last.literal + part.literal }
    else joined.push(part)
  }
  return joined
}

/** `%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t` is one time that is written in three fields. */
function mergeTimes(parts: readonly FormatPart[]): FormatPart[] {
  const merged: FormatPart[] = []
  const isTime = (part: FormatPart | undefined) => part !== undefined && 'slot' in part && part.slot === 'time'
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at]
    if (part === undefined) continue
    merged.push(part)
    if (!isTime(part)) continue
    while (isTime(parts[at + 1])) at++
    for (
      let next = parts[at + 1];
      next && 'literal' in next && /^[.,:T ]$/.test(next.literal) && isTime(parts[at + 2]);
      next = parts[at + 1]
    )
      at += 2
  }
  return merged
}

/** Two fields without anything between them cannot be told apart. */
function adjacentChecked(parts: readonly FormatPart[]): readonly FormatPart[] {
  for (let at = 1; at < parts.length; at++) {
    const [before, after] = [parts[at - 1], parts[at]]
    if (before && after && 'slot' in before && 'slot' in after && !isUriPair(before.slot, after.slot))
      throw bad(`nothing separates the fields ${before.name} and ${after.name}`)
  }
  return parts.filter((part, at) => !('slot' in part && part.slot === 'query' && isAfterTarget(parts[at - 1])))
}

/** `%U%q`: Apache writes the query with its question mark, so that both are one target. */
const isUriPair = (before: Slot, after: Slot): boolean => before === 'target' && after === 'query'
const isAfterTarget = (part: FormatPart | undefined): boolean =>
  part !== undefined && 'slot' in part && part.slot === 'target'
