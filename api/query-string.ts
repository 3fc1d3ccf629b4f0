import type { Fault } from '../schemas/rest/problem.js'
import { ProblemError } from './problem-error.js'

const MAX_PARAMETERS = 50

/**
 * The parameters of a query string, each once. A repeated one is refused: programs disagree on which of them counts.
 * @param url path and query as they came
 * @throws ProblemError MALFORMED_URL, BAD_REQUEST
 */
export function parseQuery(url: string): Readonly<Record<string, string>> {
  const start = url.indexOf('?')
  const found: Record<string, string> = Object.create(null) as Record<string, string>
  if (start === -1) return found
  const parts = url.slice(start + 1).split('&')
  if (parts.length > MAX_PARAMETERS) throw new ProblemError('BAD_REQUEST', `more than ${MAX_PARAMETERS} parameters`)
  const faults: Fault[] = []
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = decode(at === -1 ? part : part.slice(0, at))
    if (name in found) faults.push({ path: `query.${printable(name)}`, message: 'given more than once' })
    found[name] = at === -1 ? '' : decode(part.slice(at + 1))
  }
  if (faults.length > 0) throw new ProblemError('BAD_REQUEST', 'the query does not fit', { errors: faults })
  return found
}

/** @throws URIError, which is answered as MALFORMED_URL */
const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '))

/** A name that the caller made up, fit to be shown back. */
export const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64)
