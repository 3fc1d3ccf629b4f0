import { entryOf, rejected, type EntryOptions, type LineParser, type RawFields } from './log-entry.js'
import type { FormatPart, Slot } from './format-string.js'

interface Field {
  readonly slot: Slot
  readonly name: string
  /** What stands before and behind the field; behind the last one maybe nothing. */
  readonly before: string
  readonly after: string
  readonly isQuoted: boolean
  /** Undefined for a text that the client chose, or that nothing is known of. */
  readonly shape: RegExp | undefined
  /** Whether the line is no line of this format without it. */
  readonly isRequired: boolean
}

/** Fields in which a server writes what it knows itself, so that their shape tells where the text before them ends. */
const TIME =
  /(?:\d{1,2}\/[A-Za-z]{3}\/\d{4}:\d{2}:\d{2}:\d{2}|\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2})(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?|\d{9,19}(?:\.\d{1,9})?|[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}:\d{2}(?: (?:GMT|UTC|[+-]\d{4}))?/y
const STATUS = /\d{3}|-/y

/** Of a client: an address, or a list of them as X-Forwarded-For has it, without what separates it from the next field. */
function shapeOf(slot: Slot, after: string): RegExp | undefined {
  if (slot === 'time') return TIME
  if (slot === 'status') return STATUS
  if (slot !== 'client') return undefined
  const separator = /^[\w\s]?$/.test(after.charAt(0)) ? '' : `\\${after.charAt(0)}`
  return new RegExp(`[^\\s,"${separator}]+(?:, ?[^\\s,"${separator}]+)*`, 'y')
}

const NOWHERE = -1

/**
 * A parser for lines of a format. A text that the client chose (user, path, referrer, user agent) may hold what
 * separates fields: it ends where what follows it has the shape that the format demands. Each character is looked at a bounded number of times.
 * What follows the last field that the reader needs may be missing or cut.
 */
export function createTextParser(parts: readonly FormatPart[], options: EntryOptions): LineParser {
  const fields = fieldsOf(parts)
  const values: (string | undefined)[] = new Array<string | undefined>(fields.length)
  const indexOfSlot = (slot: Slot) => fields.findIndex((field) => field.slot === slot)
  const places = {
    client: indexOfSlot('client'),
    forwarded: indexOfSlot('forwarded'),
    user: indexOfSlot('user'),
    time: indexOfSlot('time'),
    request: indexOfSlot('request'),
    method: indexOfSlot('method'),
    target: indexOfSlot('target'),
    query: indexOfSlot('query'),
    status: indexOfSlot('status'),
    referrer: indexOfSlot('referrer'),
    userAgent: indexOfSlot('userAgent'),
  }
  const names = new Map(fields.map(({ name }, index) => [keyOf(name), index]))
  const raw: RawFields = {
    client: undefined,
    forwarded: undefined,
    user: undefined,
    time: undefined,
    request: undefined,
    method: undefined,
    target: undefined,
    query: undefined,
    status: undefined,
    referrer: undefined,
    userAgent: undefined,
    named: (name) => {
      const index = names.get(keyOf(name)) ?? names.get(keyOf(`http_${name}`))
      return index === undefined ? undefined : values[index]
    },
  }
  return (line) => {
    if (!splitLine(line, fields, values)) return rejected('not_this_format')
    raw.client = values[places.client]
    raw.forwarded = values[places.forwarded]
    raw.user = values[places.user]
    raw.time = values[places.time]
    raw.request = values[places.request]
    raw.method = values[places.method]
    raw.target = values[places.target]
    raw.query = values[places.query]
    raw.status = values[places.status]
    raw.referrer = values[places.referrer]
    raw.userAgent = values[places.userAgent]
    return entryOf(raw, options)
  }
}

/** `CF-Connecting-IP`, `cf_connecting_ip` and nginx's `http_cf_connecting_ip` name one header. */
const keyOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('-', '_')
    .replace(/^http_/, '')

/** Fields that an entry cannot do without, and those before them. */
const NEEDED: readonly Slot[] = ['client', 'time', 'request', 'target', 'status']

function fieldsOf(parts: readonly FormatPart[]): readonly Field[] {
  const literalAt = (index: number): string => {
    const part = parts[index]
    return part !== undefined && 'literal' in part ? part.literal : ''
  }
  const lastNeeded = parts.findLastIndex((part) => 'slot' in part && NEEDED.includes(part.slot))
  return parts.flatMap((part, index): Field[] => {
    if (!('slot' in part)) return []
    const [before, after] = [literalAt(index - 1), literalAt(index + 1)]
    const isQuoted = before.endsWith('"') && after.startsWith('"')
    const shape = isQuoted ? undefined : shapeOf(part.slot, after)
    return [{ slot: part.slot, name: part.name, before, after, isQuoted, shape, isRequired: index <= lastNeeded }]
  })
}

/** Fills in the values of a line's fields. Whether all that are required are there. */
function splitLine(line: string, fields: readonly Field[], values: (string | undefined)[]): boolean {
  values.fill(undefined)
  const [first] = fields
  let at = 0
  if (first !== undefined && !line.startsWith(first.before, 0)) return false
  at = first?.before.length ?? 0
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]
    if (field === undefined) break
    const end = endOf(line, at, field, fields[index + 1])
    if (end === NOWHERE) {
      // A field that is cut at the end of its line has all the text that there is.
      if (!field.isRequired) values[index] = line.slice(at)
      return !field.isRequired
    }
    values[index] = line.slice(at, end)
    at = end + field.after.length
    if (at >= line.length && index + 1 < fields.length) return fields[index + 1]?.isRequired !== true
  }
  return true
}

/** Where a field ends that begins at `from`; -1 when it does not. */
function endOf(line: string, from: number, field: Field, next: Field | undefined): number {
  const { shape } = field
  if (shape !== undefined) {
    const end = shapeEnd(shape, line, from)
    if (end !== NOWHERE && fits(line, end, field.after)) return end
    // A time that does not exist, or another text in its place: it ends where the format says.
    return field.slot === 'time' ? line.indexOf(field.after === '' ? ' ' : field.after, from) : NOWHERE
  }
  if (field.after === '') return line.length
  for (let end = line.indexOf(field.after, from); end !== NOWHERE; end = line.indexOf(field.after, end + 1)) {
    if (field.isQuoted && isEscaped(line, from, end)) continue
    if (next === undefined || beginsAt(line, end + field.after.length, next)) return end
  }
  // The quote that closes the last field that is wanted, whatever follows it.
  return field.isQuoted
    ? closingQuote(line, from, field)
    : fits(line, line.trimEnd().length, field.after)
      ? line.length
      : NOWHERE
}

/** Behind the last separator there may be nothing: the end of the line is as good. */
function fits(line: string, at: number, after: string): boolean {
  return after === '' || line.startsWith(after, at) || (at >= line.length && after.trim() === '')
}

function closingQuote(line: string, from: number, field: Field): number {
  if (field.isRequired) return NOWHERE
  for (let end = line.indexOf('"', from); end !== NOWHERE; end = line.indexOf('"', end + 1))
    if (!isEscaped(line, from, end) && (end + 1 === line.length || line[end + 1] === ' ')) return end
  return NOWHERE
}

/** Whether the next field can begin there: its shape, if it has one, and what follows it. */
function beginsAt(line: string, at: number, next: Field): boolean {
  if (next.shape === undefined) return true
  const end = shapeEnd(next.shape, line, at)
  return end !== NOWHERE && fits(line, end, next.after)
}

function shapeEnd(shape: RegExp, line: string, at: number): number {
  shape.lastIndex = at
  return shape.test(line) ? shape.lastIndex : NOWHERE
}

/** Whether an odd number of backslashes stands before a quote. */
function isEscaped(line: string, from: number, at: number): boolean {
  let backslashes = 0
  while (at - backslashes > from && line.charCodeAt(at - backslashes - 1) === 92) backslashes++
  return backslashes % 2 === 1
}
