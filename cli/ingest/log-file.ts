import { isAscii } from 'node:buffer'
import type { ClientFrom } from '../../domain/client/client-from.js'
import { DETECTION_LINES, detectFormat, fitOf, type FormatFit } from '../../domain/web-log/detect-format.js'
import {
  rejected,
  skipped,
  type EntryOptions,
  type LineParser,
  type LogEntry,
  type NotRead,
} from '../../domain/web-log/log-entry.js'
import { parseObject } from '../../domain/web-log/json-line.js'
import { logFormat } from '../../domain/web-log/log-format.js'
import { createTimeReader, type ZoneOffset } from '../../domain/web-log/log-time.js'
import type { LogLine } from './log-lines.js'

export interface LogFileOptions {
  /** Path, or `-`. */
  readonly file: string
  /** Whose log it is; part of the identity of its events. */
  readonly server: string
  /** `auto`, a name, or a format itself. */
  readonly format: string
  /** Up to which event time it was ingested before; undefined when it was not, or nobody knows. */
  readonly readToMs?: number | undefined
}

/** What becomes of each line, exactly once. */
export interface LineSink {
  readonly entry: (bytes: Buffer, entry: LogEntry, number: number) => void
  readonly notRead: (outcome: NotRead, number: number, text: string) => void
}

/** Another format fits the first lines, and the one that was asked for does not. */
export class WrongFormatError extends Error {
  override readonly name = 'WrongFormatError'

  constructor(
    file: string,
    readonly asked: string,
    readonly fit: FormatFit,
  ) {
    super(`${file}: this looks like ${fit.name}: --format ${fit.name} (asked for: ${asked})`)
  }
}

/** An explicit format is doubted when so few of the first lines fit it, and another format fits almost all of them. */
const DOUBTED = 0.5
const CONVINCING = 0.9
const FALLBACK = 'combined'
/** A combined line has so many quotes; a last line without line end and with nothing before it needs them. */
const COMBINED_QUOTES = 6
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/

/** Reads the lines of one log. The first ones decide its format. */
export class LogFile {
  readonly options: LogFileOptions
  readonly #sink: LineSink
  readonly #entryOptions: EntryOptions
  #parse: LineParser | undefined
  #fit: FormatFit | undefined
  #newestMs = Number.NEGATIVE_INFINITY
  #lastText: string | undefined

  constructor(options: LogFileOptions, how: { clientFrom: ClientFrom; zone: ZoneOffset }, sink: LineSink) {
    this.options = options
    this.#sink = sink
    this.#entryOptions = { clientFrom: how.clientFrom, readTime: createTimeReader(how.zone) }
  }

  /** Time of the newest request read so far. */
  get newestMs(): number {
    return this.#newestMs
  }

  /** The format that the log is read in, and how well its first lines fit; undefined before they were seen. */
  get fit(): FormatFit | undefined {
    return this.#fit
  }

  /** Whether the format is known, so that lines can be read. */
  get isReady(): boolean {
    return this.#parse !== undefined
  }

  /**
   * Decides the format by the first lines, which are not read by it. `DETECTION_LINES` are enough.
   * @throws WrongFormatError when the log is plainly of another format than the one asked for
   */
  prepare(first: readonly LogLine[]): void {
    const { file, format } = this.options
    const lines = first.slice(0, DETECTION_LINES).map(({ bytes }) => textOf(bytes))
    const detected = detectFormat(lines, this.#entryOptions)
    if (format === 'auto') {
      this.#fit = detected ?? { name: FALLBACK, confidence: 0, lines: lines.length }
      this.#parse = logFormat(this.#fit.name).createParser(this.#entryOptions)
      return
    }
    const asked = logFormat(format)
    this.#fit = fitOf(asked.name, asked.createParser(this.#entryOptions), lines)
    const isDoubted = this.#fit.confidence < DOUBTED && (detected?.confidence ?? 0) >= CONVINCING
    if (detected !== undefined && isDoubted && detected.name !== asked.name)
      throw new WrongFormatError(file, asked.name, detected)
    this.#parse = asked.createParser(this.#entryOptions)
  }

  /** @throws Error before `prepare` */
  read(line: LogLine): void {
    if (this.#parse === undefined) throw new Error('the format of the log has not been decided')
    this.#readWith(this.#parse, line)
  }

  #readWith(parse: LineParser, line: LogLine): void {
    const text = textOf(line.bytes)
    if (text.trim() === '') {
      this.#sink.notRead(skipped('blank'), line.number, text)
      return
    }
    if (!line.isEnded && !this.#isWhole(text)) {
      this.#sink.notRead(skipped('incomplete_last_line'), line.number, text)
      return
    }
    this.#lastText = text
    const parsed = parse(text)
    if (parsed.kind === 'entry') {
      if (parsed.atMs > this.#newestMs) this.#newestMs = parsed.atMs
      this.#sink.entry(line.bytes, parsed, line.number)
    } else if (parsed.kind === 'rejected' && parsed.reason === 'not_this_format') {
      const reason = line.isCut ? 'too_long' : CONTROL.test(text) ? 'binary' : 'not_this_format'
      this.#sink.notRead(rejected(reason), line.number, text)
    } else this.#sink.notRead(parsed, line.number, text)
  }

  /**
   * Whether a last line without line end is certainly not half written: its JSON is closed, or it ends with the quote that
   * ended the line before it.
   */
  #isWhole(text: string): boolean {
    const end = text.trimEnd()
    if (end.startsWith('{')) return parseObject(end) !== undefined
    const quotes = quotesIn(end)
    return end.endsWith('"') && quotes === (this.#lastText === undefined ? COMBINED_QUOTES : quotesIn(this.#lastText))
  }
}

const textOf = (bytes: Buffer): string => bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8')

/** Quotes that no backslash precedes. */
const quotesIn = (text: string): number => text.match(/\\.|"/g)?.filter((match) => match === '"').length ?? 0
