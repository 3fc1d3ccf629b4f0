/*
 * Servers write a session's id into the URL when a client refuses cookies: as a parameter of the path or the query, or
 * as a segment of its own. It says who asks, not what for.
 */

/** In lower case. Tomcat and other servlet containers, PHP, ColdFusion, osCommerce, Zen Cart, xt:Commerce, Magento. */
const NAMES: readonly string[] = [
  ...['jsessionid', '$jsessionid', 'jsessionidsso', 'phpsessid', 'sid', 'sessid', 'sessionid', 'session_id'],
  ...['asp.net_sessionid', 'cfid', 'cftoken', 'oscsid', 'zenid', 'xtcsid', '___sid'],
]
const SESSION_PARAMETERS: ReadonlySet<string> = new Set(NAMES)
/** Classic ASP puts eight letters of its own behind it. */
const ASP_SESSION = 'aspsessionid'
/** Longer names are compared with none. */
const LONGEST_NAME = 40
/** ASP.NET without cookies: `(S(…))`, also with an anonymous id, a ticket or a test: `(A(…)S(…)F(…)X(1))`. */
const ASP_NET_SEGMENT = /^\((?:[ASFX]\([\w-]*\))+\)$/
/** Some clients encode the semicolon: `/item/42%3Bjsessionid=6`. Before any other name, `%3B` is part of the segment. */
const DELIMITER = new RegExp(
  `;|%3B(?=(?:${NAMES.join('|').replaceAll(/[$.]/g, '\\$&')}|${ASP_SESSION}[a-z]{0,8})=)`,
  'i',
)

/** @param parameter `name` or `name=value`, with its percent-encoding normalised */
export function isSessionParameter(parameter: string): boolean {
  const equals = parameter.indexOf('=')
  const length = equals < 0 ? parameter.length : equals
  if (length > LONGEST_NAME) return false
  const name = parameter.slice(0, length).toLowerCase()
  return SESSION_PARAMETERS.has(name) || name.startsWith(ASP_SESSION)
}

/**
 * A segment of a path without session parameters and empty parameters; empty if nothing else was in it.
 * @param segment with its percent-encoding normalised
 */
export function withoutSession(segment: string): string {
  const [name = '', ...parameters] = segment.split(DELIMITER)
  const kept = parameters.filter((parameter) => parameter !== '' && !isSessionParameter(parameter))
  // A parameter without a value is a name of something: `/sid` is a page, `/sid=1` a session.
  const first = name.includes('=') && isSessionParameter(name) ? '' : name
  if (kept.length > 0) return `${first};${kept.join(';')}`
  return first.startsWith('(') && ASP_NET_SEGMENT.test(first) ? '' : first
}
