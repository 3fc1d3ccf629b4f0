import type { EntryOptions, LineParser } from './log-entry.js'
import { logFormat, type LogFormatName } from './log-format.js'

/** So many lines are enough to tell a format. */
export const DETECTION_LINES = 100

/** In the order in which they are preferred when they fit equally well. */
const CANDIDATES: readonly LogFormatName[] = [
  'alb',
  'vhost_combined',
  'combined',
  'caddy',
  'traefik',
  'nginx-json',
  'cloudfront',
  'iis',
]

export interface FormatFit {
  readonly name: string
  /** Share of the lines that are whole records of the format, 0 to 1. */
  readonly confidence: number
  /** Lines that were held against the format: blank ones and directives are not. */
  readonly lines: number
}

/**
 * How well a format fits the first lines of a log. A line fits when it is read, or skipped for what was requested; a
 * client that is only a host name counts half, as the name may be the server's own.
 */
export function fitOf(name: string, parse: LineParser, lines: readonly string[]): FormatFit {
  let fitting = 0
  let counted = 0
  for (const line of lines.slice(0, DETECTION_LINES)) {
    if (line.trim() === '') continue
    const parsed = parse(line)
    if (parsed.kind === 'skipped' && parsed.reason === 'directive') continue
    counted++
    if (parsed.kind === 'entry') fitting += parsed.address === null ? 0.5 : 1
    else if (parsed.kind === 'skipped' && parsed.reason !== 'not_an_access_record') fitting++
  }
  return { name, confidence: counted === 0 ? 0 : fitting / counted, lines: counted }
}

/**
 * The known format that fits the first lines best.
 * @returns undefined when none fits any line
 */
export function detectFormat(lines: readonly string[], options: EntryOptions): FormatFit | undefined {
  let best: FormatFit | undefined
  for (const name of CANDIDATES) {
    const fit = fitOf(name, logFormat(name).createParser(options), lines)
    if (fit.confidence > (best?.confidence ?? 0)) best = fit
  }
  if (best?.name !== 'combined') return best
  return lines.slice(0, DETECTION_LINES).some((line) => /" (?:\d{3}|-) \S+ "/.test(line))
    ? best
    : { ...best, name: 'common' }
}
