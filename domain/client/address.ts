const DOT = 46
const ZERO = 48
const NINE = 57
/** `[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%interface]:65535`, with quotes and spaces around it. */
const MAX_GIVEN_LENGTH = 128

/**
 * Reads the address of a client in any of the notations that servers and proxies write: IPv4, IPv6, IPv6 with an
 * embedded IPv4 address, with a port, in brackets, with a zone, in quotes. The result is the one spelling that sessions,
 * allowlist, evidence and search use: dotted decimal for IPv4 and IPv4-mapped IPv6, RFC 5952 for other IPv6.
 * @returns undefined when the text is no address
 */
export function parseAddress(given: string): string | undefined {
  if (isPlainIpv4(given)) return given
  if (given.length > MAX_GIVEN_LENGTH) return undefined
  const text = unquoted(given.trim())
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    return end > 0 && isPortSuffix(text.slice(end + 1)) ? parseIpv6(text.slice(1, end)) : undefined
  }
  const colon = text.indexOf(':')
  if (colon < 0) return parseIpv4(text)
  if (text.indexOf(':', colon + 1) >= 0) return parseIpv6(text)
  return isPortSuffix(text.slice(colon)) ? parseIpv4(text.slice(0, colon)) : undefined
}

/** Most clients: four numbers of one to three digits and nothing else, as they are to be written. */
function isPlainIpv4(text: string): boolean {
  if (text.length < 7 || text.length > 15) return false
  let dots = 0
  let digits = 0
  let value = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT) {
      if (digits === 0) return false
      dots++
      digits = value = 0
    } else {
      if (code < ZERO || code > NINE || (digits > 0 && value === 0)) return false
      value = value * 10 + code - ZERO
      if (++digits > 3 || value > 255) return false
    }
  }
  return dots === 3 && digits > 0
}

function unquoted(text: string): string {
  const first = text.charAt(0)
  const isQuoted = text.length > 1 && (first === '"' || first === "'") && text.endsWith(first)
  return isQuoted ? text.slice(1, -1).trim() : text
}

const isPortSuffix = (text: string): boolean =>
  text === '' || (/^:\d{1,5}$/.test(text) && Number(text.slice(1)) <= 65_535)

/** Leading zeros are refused: some programs read them as octal, so that one text would name two machines. */
const parseIpv4 = (text: string): string | undefined => (isPlainIpv4(text) ? text : undefined)

function parseIpv6(given: string): string | undefined {
  const zone = given.indexOf('%')
  const groups = groupsOf(zone < 0 ? given : given.slice(0, zone))
  if (groups === undefined) return undefined
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.')
  return spell(groups)
}

function groupsOf(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half, index) => readGroups(half, index === halves.length - 1))
  if (head === undefined) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  if (tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function readGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const ipv4 = isLast && index === parts.length - 1 ? parseIpv4(part) : undefined
      if (ipv4 === undefined) return undefined
      const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
      groups.push((a << 8) | b, (c << 8) | d)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** RFC 5952: lower case, no leading zeros, `::` for the first of the longest runs of at least two zero groups. */
function spell(groups: readonly number[]): string {
  let bestFrom = -1
  let bestLength = 1
  for (let from = 0; from < groups.length; from++) {
    let length = 0
    while (groups[from + length] === 0) length++
    if (length > bestLength) [bestFrom, bestLength] = [from, length]
  }
  const hex = groups.map((group) => group.toString(16))
  if (bestFrom < 0) return hex.join(':')
  return `${hex.slice(0, bestFrom).join(':')}::${hex.slice(bestFrom + bestLength).join(':')}`
}
