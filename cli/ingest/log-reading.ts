import { MAX_ITEM_ID_LENGTH } from '../../domain/detection/fate.js'
import type { Click } from '../../domain/events.js'
import { parseAccessLogLine, REJECTIONS, type AccessLogEntry, type Rejection } from './access-log-line.js'
import { LineIds } from './line-ids.js'
import type { LogLine } from './log-lines.js'
import { ReorderBuffer } from './reorder-buffer.js'
import { Sessionizer } from './sessionizer.js'
import { isStaticAsset } from './static-asset.js'

export interface LogReadingOptions {
  readonly includeAssets: boolean
  /** How far lines may be out of order and still be put in order, in time of the log. */
  readonly reorderMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly onRejected: (rejection: RejectedLine) => void
}

export interface RejectedLine {
  readonly number: number
  readonly reason: Rejection
  /** The beginning of the line with everything that a terminal could obey made visible. */
  readonly excerpt: string
}

export const SKIPS = ['asset', 'no_request', 'blank'] as const
export type Skip = (typeof SKIPS)[number]

export interface LogCounts {
  readonly lines: number
  readonly accepted: number
  readonly skipped: number
  readonly rejected: number
  readonly skippedBy: Readonly<Record<Skip, number>>
  readonly rejectedBy: Readonly<Record<Rejection, number>>
}

interface Held {
  readonly bytes: Buffer
  readonly entry: AccessLogEntry
}

const MAX_HELD_ENTRIES = 200_000
const EXCERPT_CHARS = 120
/** What the detector bears, too: a line further ahead would be a dead letter. */
const MAX_AHEAD_MS = 300_000
const SOURCE = 'access-log'

/**
 * Turns the lines of an access log into clicks in order of time. Every line is counted once, as accepted, skipped or
 * rejected. It holds at most `reorderMs` of the log, and no more than 200,000 lines.
 */
export class LogReading {
  readonly #options: LogReadingOptions
  readonly #buffer: ReorderBuffer<Held>
  readonly #sessions = new Sessionizer()
  readonly #ids = new LineIds()
  readonly #skippedBy: Record<Skip, number> = { asset: 0, no_request: 0, blank: 0 }
  readonly #rejectedBy = Object.fromEntries(REJECTIONS.map((reason) => [reason, 0])) as Record<Rejection, number>
  #lines = 0
  #accepted = 0
  #lastMs: number | undefined

  constructor(options: LogReadingOptions) {
    this.#options = options
    this.#buffer = new ReorderBuffer(options.reorderMs, MAX_HELD_ENTRIES)
  }

  /** Time of the log up to which clicks have been given, or undefined before the first. */
  get lastMs(): number | undefined {
    return this.#lastMs
  }

  get counts(): LogCounts {
    return {
      lines: this.#lines,
      accepted: this.#accepted,
      skipped: sum(this.#skippedBy),
      rejected: sum(this.#rejectedBy),
      skippedBy: { ...this.#skippedBy },
      rejectedBy: { ...this.#rejectedBy },
    }
  }

  /** @returns the clicks that are now known to be next */
  read(line: LogLine): Click[] {
    this.#lines++
    if (line.bytes === undefined) return this.#reject(line, 'too_long', '')
    const text = line.bytes.toString('utf8')
    const parsed = parseAccessLogLine(text)
    if (parsed.kind === 'rejected') return this.#reject(line, parsed.reason, text)
    if (parsed.kind !== 'entry') return this.#skip(parsed.kind)
    const { entry } = parsed
    if (!this.#options.includeAssets && isStaticAsset(entry.path)) return this.#skip('asset')
    if (entry.atMs > this.#options.now() + MAX_AHEAD_MS) return this.#reject(line, 'in_the_future', text)
    this.#accepted++
    return this.#buffer.put(entry.atMs, { bytes: line.bytes, entry }).map((held) => this.#clickOf(held))
  }

  /** @returns the clicks that were held back for their order */
  flush(): Click[] {
    return this.#buffer.flush().map((held) => this.#clickOf(held))
  }

  #skip(reason: Skip): Click[] {
    this.#skippedBy[reason]++
    return []
  }

  #reject({ number }: LogLine, reason: Rejection, text: string): Click[] {
    this.#rejectedBy[reason]++
    this.#options.onRejected({ number, reason, excerpt: excerptOf(text) })
    return []
  }

  #clickOf({ bytes, entry }: Held): Click {
    this.#lastMs = entry.atMs
    return {
      event_id: this.#ids.idOf(bytes, entry.atMs),
      event_ts: entry.atMs,
      ingest_ts: this.#options.now(),
      source: SOURCE,
      session_id: this.#sessions.sessionOf(entry.address, entry.userAgent ?? '', entry.atMs),
      user_id: entry.user,
      event_type: 'page_view',
      // No shop has an item with such a name, and the detector takes none: the page has the path all the same.
      item_id: entry.path.length > MAX_ITEM_ID_LENGTH ? null : entry.path,
      page: entry.pathWithQuery,
      ip: entry.address,
      user_agent: entry.userAgent,
      referrer: entry.referrer,
    }
  }
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)

/** The beginning of a text, printable: whatever is not is shown as `\xNN` or `\u{NNNN}`. */
export function excerptOf(text: string): string {
  const visible = text.slice(0, EXCERPT_CHARS).replaceAll(/[^\x20-\x7e\u00a1-\u024f]/g, (char) => {
    const code = char.charCodeAt(0)
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
  return text.length > EXCERPT_CHARS ? `${visible}… (${text.length} characters)` : visible
}
