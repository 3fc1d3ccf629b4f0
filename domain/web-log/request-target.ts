/** Methods of HTTP and WebDAV are upper case; lower case ones are what scanners send. */
const METHOD = /^[A-Za-z][A-Za-z_-]{0,31} /
const NO_PATH = /^[^/?#:]+:\d+$/
const ABSOLUTE = /^[a-z][a-z0-9+.-]{0,15}:\/\/[^/?#]*/i

export interface RequestTarget {
  /** Upper case; null when the log does not say. */
  readonly method: string | null
  /** As requested: `/path?query`, an absolute address, `*`, or `host:port`. */
  readonly target: string
}

/** `GET /path?query HTTP/1.1` → method and target. Undefined when it is no request: a time-out, or another protocol. */
export function requestTarget(request: string): RequestTarget | undefined {
  const method = METHOD.exec(request)?.[0]
  if (method === undefined) return undefined
  const protocolFrom = request.lastIndexOf(' HTTP/')
  const target = request.slice(method.length, protocolFrom < method.length ? undefined : protocolFrom).trim()
  return target === '' ? undefined : { method: method.trim().toUpperCase(), target }
}

/**
 * Path and query of a target; of an absolute one, what comes after the host.
 * @returns undefined when no path is requested: `*` (OPTIONS, PRI) and `host:port` (CONNECT)
 */
export function splitTarget(target: string): { readonly path: string; readonly query: string | null } | undefined {
  let rest = target
  if (target.charCodeAt(0) !== 47) {
    if (target === '*' || NO_PATH.test(target)) return undefined
    const origin = ABSOLUTE.exec(target)?.[0]
    rest = origin === undefined ? target : target.slice(origin.length)
    if (!rest.startsWith('/')) rest = `/${rest}`
  }
  const hash = rest.indexOf('#')
  if (hash >= 0) rest = rest.slice(0, hash)
  const question = rest.indexOf('?')
  return question < 0 ? { path: rest, query: null } : { path: rest.slice(0, question), query: rest.slice(question + 1) }
}
