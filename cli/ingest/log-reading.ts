import type { ClientFrom } from '../../domain/client/client-from.js'
import { MAX_ID_LENGTH } from '../../domain/events/event-fault.js'
import type { Click } from '../../domain/events.js'
import { canonicalItem, type CanonicalItemOptions } from '../../domain/web-log/canonical-item.js'
import {
  REJECTIONS,
  SKIPS,
  type LogEntry,
  type NotRead,
  type Rejection,
  type Skip,
} from '../../domain/web-log/log-entry.js'
import type { ZoneOffset } from '../../domain/web-log/log-time.js'
import type { PageRules } from '../../domain/web-log/page-rules.js'
import { LineIds } from './line-ids.js'
import { LogFile, type LogFileOptions } from './log-file.js'
import { ReorderBuffer } from './reorder-buffer.js'
import { Sessionizer, type OpenSession } from './sessionizer.js'

export interface LogReadingOptions {
  readonly includeAssets: boolean
  readonly includeApi: boolean
  readonly pages: PageRules
  readonly items: CanonicalItemOptions
  readonly clientFrom: ClientFrom
  /** Of times that do not name their zone. */
  readonly zone: ZoneOffset
  /** How far lines may be out of order and still be put in order, in time of the log. */
  readonly reorderMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly onRejected: (rejection: RejectedLine) => void
  /** Takes each click, in order of time, unless its line was late. */
  readonly onClick: (click: Click, entry: LogEntry, session: OpenSession, log: LogFileOptions) => void
}

export interface RejectedLine {
  readonly file: string
  readonly number: number
  readonly reason: Rejection
  /** The beginning of the line with everything that a terminal could obey made visible. */
  readonly excerpt: string
}

export interface LogCounts {
  readonly lines: number
  readonly accepted: number
  readonly skipped: number
  readonly rejected: number
  /** Of the accepted ones, those that came after lines that were newer by more than the reorder window. */
  readonly late: number
  readonly skippedBy: Readonly<Record<Skip, number>>
  readonly rejectedBy: Readonly<Record<Rejection, number>>
}

interface Held {
  readonly bytes: Buffer
  readonly entry: LogEntry
  readonly from: LineOrigin
}

/** One log's part of the identity of its events. */
interface LineOrigin {
  readonly ids: LineIds
  readonly log: LogFileOptions
}

const MAX_HELD_ENTRIES = 200_000
const EXCERPT_CHARS = 120
/** What the detector bears, too: a line further ahead would be a dead letter. */
const MAX_AHEAD_MS = 300_000
/** The collector's limits: texts of a client are cut to them, and never a reason to lose its request. */
const MAX_URL_LENGTH = 4_096
const MAX_USER_AGENT_LENGTH = 1_024
const SOURCE = 'access-log'

/**
 * Turns the lines of access logs into clicks in order of time. Every line is counted once, as accepted, skipped or
 * rejected. It holds at most `reorderMs` of the logs, and no more than 200,000 lines.
 */
export class LogReading {
  readonly #options: LogReadingOptions
  readonly #buffer: ReorderBuffer<Held>
  readonly #sessions = new Sessionizer()
  readonly #skippedBy = zeros(SKIPS)
  readonly #rejectedBy = zeros(REJECTIONS)
  #lines = 0
  #accepted = 0
  #late = 0
  #firstMs: number | undefined
  #lastMs: number | undefined

  constructor(options: LogReadingOptions) {
    this.#options = options
    this.#buffer = new ReorderBuffer(options.reorderMs, MAX_HELD_ENTRIES)
  }

  /** A log of which lines will be read. */
  file(options: LogFileOptions): LogFile {
    const from = { ids: new LineIds(options.server), log: options }
    const { clientFrom, zone } = this.#options
    return new LogFile(
      options,
      { clientFrom, zone },
      {
        entry: (bytes, entry, number) => this.#take(bytes, entry, from, number),
        notRead: (outcome, number, text) => this.#count(outcome, options.file, number, text),
      },
    )
  }

  /** Time of the log up to which clicks have been given, or undefined before the first. */
  get lastMs(): number | undefined {
    return this.#lastMs
  }

  get firstMs(): number | undefined {
    return this.#firstMs
  }

  get sessions(): number {
    return this.#sessions.sessions
  }

  get counts(): LogCounts {
    return {
      lines: this.#lines,
      accepted: this.#accepted,
      skipped: sum(this.#skippedBy),
      rejected: sum(this.#rejectedBy),
      late: this.#late,
      skippedBy: { ...this.#skippedBy },
      rejectedBy: { ...this.#rejectedBy },
    }
  }

  /** Gives the clicks that are known to be next. @param newestMs up to which every log has been read */
  release(newestMs: number): void {
    this.#buffer.takeDue(newestMs, this.#emit)
  }

  /** Gives the clicks that were held back for their order. */
  flush(): void {
    this.#buffer.flush(this.#emit)
  }

  #take(bytes: Buffer, entry: LogEntry, from: LineOrigin, number: number): void {
    const kind = this.#options.pages.classOf(entry.method ?? 'GET', entry.path, entry.query, entry.status ?? undefined)
    if (kind === 'asset' && !this.#options.includeAssets) {
      this.#skip('asset')
      return
    }
    if (kind === 'api' && !this.#options.includeApi) {
      this.#skip('api')
      return
    }
    if (entry.atMs > this.#options.now() + MAX_AHEAD_MS) {
      this.#reject('in_the_future', from.log.file, number, bytes.toString('utf8'))
      return
    }
    this.#lines++
    this.#accepted++
    this.#buffer.put(entry.atMs, { bytes, entry, from })
  }

  #count(outcome: NotRead, file: string, number: number, text: string): void {
    if (outcome.kind === 'skipped') this.#skip(outcome.reason)
    else this.#reject(outcome.reason, file, number, text)
  }

  #skip(reason: Skip): void {
    this.#lines++
    this.#skippedBy[reason]++
  }

  #reject(reason: Rejection, file: string, number: number, text: string): void {
    this.#lines++
    this.#rejectedBy[reason]++
    this.#options.onRejected({ file, number, reason, excerpt: excerptOf(text) })
  }

  readonly #emit = (atMs: number, { bytes, entry, from }: Held): void => {
    if (this.#lastMs !== undefined && atMs < this.#lastMs) this.#late++
    else this.#lastMs = atMs
    this.#firstMs ??= atMs
    const agent = cut(entry.userAgent, MAX_USER_AGENT_LENGTH)
    const session = this.#sessions.sessionOf(entry.client, agent ?? '', atMs)
    this.#options.onClick(this.#clickOf(bytes, entry, agent, session.sessionId, from.ids), entry, session, from.log)
  }

  #clickOf(bytes: Buffer, entry: LogEntry, agent: string | null, sessionId: string, ids: LineIds): Click {
    const { address, user, atMs, path, query, referrer } = entry
    const item = canonicalItem(
      query === null || this.#options.items.query === 'drop' ? path : `${path}?${query}`,
      this.#options.items,
    )
    return {
      event_id: ids.idOf(bytes, atMs),
      event_ts: atMs,
      ingest_ts: this.#options.now(),
      source: SOURCE,
      session_id: sessionId,
      user_id: cut(user, MAX_ID_LENGTH),
      event_type: 'page_view',
      item_id: item,
      page: cut(query === null ? path : `${path}?${query}`, MAX_URL_LENGTH) ?? '',
      ip: address,
      user_agent: agent,
      referrer: cut(referrer, MAX_URL_LENGTH),
    }
  }
}

const zeros = <T extends string>(names: readonly T[]): Record<T, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0)

/** A text of at most `length` characters, of which half of a surrogate pair is none. */
function cut(text: string | null, length: number): string | null {
  if (text === null || text.length <= length) return text
  const end = /[\ud800-\udbff]/.test(text.charAt(length - 1)) ? length - 1 : length
  return text.slice(0, end)
}

/** The beginning of a text, printable: whatever is not is shown as `\xNN` or `\u{NNNN}`. */
export function excerptOf(text: string): string {
  const visible = text.slice(0, EXCERPT_CHARS).replaceAll(/[^\x20-\x7e\u00a1-\u024f]/g, (char) => {
    const code = char.charCodeAt(0)
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
  return text.length > EXCERPT_CHARS ? `${visible}… (${text.length} characters)` : visible
}

/** Shows the first lines that cannot be read; the others are counted. */
export function rejectionPrinter(most: number, say: (line: string) => void): (line: RejectedLine) => void {
  let count = 0
  return ({ file, number, reason, excerpt }) => {
    if (++count <= most) say(`${file}: line ${number}: ${reason.replaceAll('_', ' ')}: ${excerpt}`)
    if (count === most + 1) say('further lines that cannot be read are counted, not shown')
  }
}
