import { entryOf, rejected, skipped, type EntryOptions, type LineParser, type RawFields } from './log-entry.js'

type Json = Readonly<Record<string, unknown>>

/** Reads the fields of one parsed line; undefined when the line is another kind of record. */
export type JsonReader = (record: Json) => RawFields | undefined

/**
 * A parser for logs with one JSON object per line.
 * Servers that do not escape for JSON write `\xHH`, or raw control characters, into texts of the client: such lines are repaired.
 */
export function createJsonParser(read: JsonReader, options: EntryOptions): LineParser {
  return (line) => {
    const record = parseObject(line)
    if (record === undefined) return rejected('not_this_format')
    const fields = read(record)
    return fields === undefined ? skipped('not_an_access_record') : entryOf(fields, options)
  }
}

export function parseObject(line: string): Json | undefined {
  const from = line.indexOf('{') // syslog and container runtimes may put a prefix before it
  if (from < 0) return undefined
  return asObject(line.slice(from)) ?? asObject(repaired(line.slice(from)))
}

function asObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `\x22` → `"`, other backslashes that JSON does not know and raw control characters → themselves, escaped. */
const repaired = (text: string): string =>
  text
    .replaceAll(
      /\\(?:x([0-9a-fA-F]{2})|(["\\/bfnrt]|u[0-9a-fA-F]{4})|)/g,
      (whole, hex: string | undefined, known: string | undefined) =>
        hex !== undefined ? `\\u00${hex}` : known !== undefined ? whole : '\\\\',
    )
    .replaceAll(/[\u0000-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

const text = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number'
      ? String(value)
      : Array.isArray(value)
        ? text(value[0])
        : undefined

/** A field by name, without regard to case, and whether words are joined by `-`, `_` or nothing. */
function finder(record: Json): (name: string) => string | undefined {
  let index: Map<string, unknown> | undefined
  return (name) => {
    if (Object.hasOwn(record, name)) return text(record[name])
    index ??= new Map(Object.entries(record).map(([key, value]) => [plain(key), value]))
    return text(index.get(plain(name)))
  }
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** Caddy's access log (`format json`): https://caddyserver.com/docs/caddyfile/directives/log */
export const readCaddy: JsonReader = (record) => {
  const { request } = record
  if (!isObject(request)) return undefined
  const headers = isObject(request['headers']) ? request['headers'] : {}
  const header = finder(headers)
  return {
    client: text(request['remote_ip']) ?? text(request['remote_addr']),
    forwarded: header('X-Forwarded-For'),
    user: text(record['user_id']),
    time: text(record['ts']) ?? text(record['time']),
    request: undefined,
    method: text(request['method']),
    target: text(request['uri']),
    query: undefined,
    status: text(record['status']),
    referrer: header('Referer'),
    userAgent: header('User-Agent'),
    named: (name) => (name === 'client_ip' ? text(request['client_ip']) : header(name)),
  }
}

/** Traefik's access log (`accessLog.format: json`): https://doc.traefik.io/traefik/observability/access-logs/ */
export const readTraefik: JsonReader = (record) => {
  if (!Object.hasOwn(record, 'RequestMethod') && !Object.hasOwn(record, 'RequestPath')) return undefined
  return {
    client: text(record['ClientHost']) ?? text(record['ClientAddr']),
    forwarded: text(record['request_X-Forwarded-For']),
    user: text(record['ClientUsername']),
    time: text(record['StartUTC']) ?? text(record['time']) ?? text(record['StartLocal']),
    request: undefined,
    method: text(record['RequestMethod']),
    target: text(record['RequestPath']),
    query: undefined,
    status: text(record['DownstreamStatus']) ?? text(record['OriginStatus']),
    referrer: text(record['request_Referer']),
    userAgent: text(record['request_User-Agent']),
    named: (name) => finder(record)(`request_${name}`) ?? finder(record)(name),
  }
}

/** Names that operators give the fields of nginx's JSON logs, most exact first; compared without case and separators. */
const NGINX_NAMES = {
  client: ['remote_addr', 'remote_ip', 'client_ip', 'clientip', 'client', 'ip', 'remote', 'realip_remote_addr'],
  forwarded: ['http_x_forwarded_for', 'x_forwarded_for', 'xff', 'proxy_add_x_forwarded_for'],
  user: ['remote_user', 'user', 'username'],
  time: ['time_iso8601', 'time_local', 'msec', 'timestamp', '@timestamp', 'time', 'ts', 'date'],
  request: ['request', 'request_line'],
  method: ['request_method', 'method', 'http_method'],
  target: ['request_uri', 'uri', 'url', 'path', 'request_path', 'document_uri'],
  query: ['args', 'query_string', 'query'],
  status: ['status', 'response_status', 'status_code', 'response'],
  referrer: ['http_referer', 'http_referrer', 'referer', 'referrer'],
  userAgent: ['http_user_agent', 'user_agent', 'agent', 'useragent'],
} as const

/**
 * A reader of nginx's JSON logs. Field names are the operator's: those of nginx's variables and the usual ones are known.
 * @param names which key holds which nginx variable, from a `log_format` that writes JSON
 */
export function createNginxReader(names: ReadonlyMap<string, string> = new Map()): JsonReader {
  return (record) => {
    const find = finder(record)
    const first = (candidates: readonly string[]): string | undefined => {
      for (const name of candidates) {
        const value = find(names.get(name) ?? name)
        if (value !== undefined) return value
      }
      return undefined
    }
    const request = first(NGINX_NAMES.request)
    const isLine = request?.includes(' ') === true
    return {
      client: first(NGINX_NAMES.client),
      forwarded: first(NGINX_NAMES.forwarded),
      user: first(NGINX_NAMES.user),
      time: first(NGINX_NAMES.time),
      request: isLine ? request : undefined,
      method: first(NGINX_NAMES.method),
      target: first(NGINX_NAMES.target) ?? request,
      query: first(NGINX_NAMES.query),
      status: first(NGINX_NAMES.status),
      referrer: first(NGINX_NAMES.referrer),
      userAgent: first(NGINX_NAMES.userAgent),
      named: (name) => find(names.get(name) ?? name) ?? find(`http_${name}`),
    }
  }
}

/** Which key holds which variable, of a `log_format` that writes JSON: `{"ip": "$remote_addr", "s": $status}`. */
export function namesOfJsonFormat(format: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [, key = '', variable = ''] of format.matchAll(/"([^"$]+)"\s*:\s*"?\$\{?([a-z0-9_]+)\}?"?/g))
    names.set(variable, key)
  return names
}
