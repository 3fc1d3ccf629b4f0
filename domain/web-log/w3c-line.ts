import { entryOf, rejected, skipped, type EntryOptions, type LineParser, type RawFields } from './log-entry.js'

/** IIS writes a space as `+`; CloudFront percent-encodes, some fields twice. */
export type W3cFlavour = 'iis' | 'cloudfront'

/** https://learn.microsoft.com/iis: the fields that IIS logs unless it is told otherwise. */
const IIS_DEFAULT =
  'date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken'
/** https://docs.aws.amazon.com/AmazonCloudFront: the standard log file fields, in their order. */
const CLOUDFRONT_DEFAULT =
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end'

const MAX_FIELDS = 200

/**
 * A parser for W3C extended logs. `#Fields` names the fields of the lines that follow, and may come again with others;
 * a log that begins without it, cut from a larger one, has the flavour's default fields.
 */
export function createW3cParser(flavour: W3cFlavour, options: EntryOptions): LineParser {
  const separator = flavour === 'iis' ? ' ' : '\t'
  let names = indexOf((flavour === 'iis' ? IIS_DEFAULT : CLOUDFRONT_DEFAULT).split(' '))
  return (line) => {
    if (line.startsWith('#')) {
      if (line.startsWith('#Fields:')) names = indexOf(line.slice(8).trim().split(/\s+/).slice(0, MAX_FIELDS))
      return skipped('directive')
    }
    const values = line.split(separator, MAX_FIELDS)
    if (values.length < Math.min(names.size, 4)) return rejected('not_this_format')
    const fields = fieldsOf(names, values, flavour)
    return fields === undefined ? rejected('not_this_format') : entryOf(fields, options)
  }
}

const indexOf = (names: readonly string[]): ReadonlyMap<string, number> =>
  new Map(names.map((name, index) => [name.toLowerCase(), index]))

function fieldsOf(
  names: ReadonlyMap<string, number>,
  values: readonly string[],
  flavour: W3cFlavour,
): RawFields | undefined {
  const field = (name: string): string | undefined => {
    const index = names.get(name)
    return index === undefined ? undefined : values[index]
  }
  const decode = flavour === 'iis' ? spaces : percentDecoded
  const time = field('time') ?? field('timestamp')
  const date = field('date')
  if (time === undefined) return undefined
  return {
    client: field('c-ip'),
    forwarded: decode(field('x-forwarded-for') ?? field('cs(x-forwarded-for)')),
    user: decode(field('cs-username')),
    // W3C times are UTC.
    time: date === undefined ? time : `${date}T${time}Z`,
    request: undefined,
    method: field('cs-method'),
    target: field('cs-uri-stem') ?? field('cs-uri'),
    query: field('cs-uri-query'),
    status: field('sc-status'),
    referrer: decode(field('cs(referer)')),
    userAgent: decode(field('cs(user-agent)')),
    named: (name) => {
      const plain = name.toLowerCase()
      return decode(field(plain) ?? field(`cs(${plain.replaceAll('_', '-')})`))
    },
  }
}

const spaces = (given: string | undefined): string | undefined => given?.replaceAll('+', ' ')

/** CloudFront encodes the `%` of what was encoded already, so that a space is `%2520`. */
function percentDecoded(given: string | undefined): string | undefined {
  if (given?.includes('%') !== true) return given
  return decodeOnce(decodeOnce(given))
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text // not UTF-8: left as it was logged
    throw error
  }
}
