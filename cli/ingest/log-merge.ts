import { DETECTION_LINES } from '../../domain/web-log/detect-format.js'
import type { LogFile } from './log-file.js'
import { LineCutter, type LogLine } from './log-lines.js'
import type { LogSource } from './log-source.js'

/** One log that is read beside others. */
export interface LogInput {
  readonly source: LogSource
  readonly log: LogFile
}

/** How the logs ended: all were read, a person stopped it, or one could not be read further. */
export type LogEnd =
  | { readonly kind: 'end' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'broken'; readonly file: string; readonly error: unknown }

export interface MergeHooks {
  readonly signal: AbortSignal
  /** Called between pieces of the logs, with the time up to which all of them have been read. */
  readonly afterPiece: (newestMs: number) => Promise<void>
  /** Called when nothing came for a second, of a log that is being written; undefined when the logs are whole. */
  readonly onIdle: (() => Promise<void>) | undefined
}

const IDLE_MS = 1_000
const IDLE = Symbol('idle')
const STOPPED = Symbol('stopped')

/**
 * Reads several logs as one: the next lines are always taken from the log that is furthest behind in time, so that lines
 * of different logs are out of order no more than the lines of each.
 */
export async function readLogs(inputs: readonly LogInput[], hooks: MergeHooks): Promise<LogEnd> {
  const open = new Set(inputs.map((input) => new LogCursor(input)))
  let broken: LogEnd | undefined
  while (open.size > 0) {
    const [next, horizonMs] = furthestBehind(open)
    const outcome = await next.advance(horizonMs, hooks)
    if (outcome === 'stopped') return { kind: 'stopped' }
    if (outcome === 'ended') open.delete(next)
    if (typeof outcome === 'object') {
      open.delete(next)
      broken ??= { kind: 'broken', file: next.file, error: outcome.error }
    }
    await hooks.afterPiece(Math.min(...[...open].map(({ newestMs }) => newestMs)))
  }
  return broken ?? { kind: 'end' }
}

/** The log that is furthest behind, and how far it may be read before another one is. */
function furthestBehind(open: ReadonlySet<LogCursor>): readonly [LogCursor, number] {
  let first: LogCursor | undefined
  let secondMs = Number.POSITIVE_INFINITY
  for (const cursor of open) {
    if (first === undefined || cursor.newestMs < first.newestMs) {
      if (first !== undefined) secondMs = Math.min(secondMs, first.newestMs)
      first = cursor
    } else secondMs = Math.min(secondMs, cursor.newestMs)
  }
  if (first === undefined) throw new Error('no log is open')
  return [first, secondMs]
}

type Advance = 'more' | 'ended' | 'stopped' | { readonly error: unknown }
type NextChunk = IteratorResult<Buffer, unknown> | { readonly error: unknown }

/** Where one log is read. */
class LogCursor {
  readonly #input: LogInput
  readonly #iterator: AsyncIterator<Buffer>
  readonly #cutter = new LineCutter()
  #lines: LogLine[] = []
  #at = 0
  #next: Promise<NextChunk> | undefined
  #isIdle = false
  /** What is to be said once all lines are read. */
  #end: 'ended' | { readonly error: unknown } | undefined

  constructor(input: LogInput) {
    this.#input = input
    this.#iterator = input.source.chunks[Symbol.asyncIterator]()
  }

  get file(): string {
    return this.#input.log.options.file
  }

  get newestMs(): number {
    return this.#input.log.newestMs
  }

  /** Reads until its time is past `horizonMs`, or a chunk has been read. */
  async advance(horizonMs: number, hooks: MergeHooks): Promise<Advance> {
    const { log } = this.#input
    if (log.isReady && this.#at < this.#lines.length) {
      this.#readLines(horizonMs)
      return 'more'
    }
    if (this.#end !== undefined) return this.#end
    this.#next ??= this.#iterator.next().catch((error: unknown) => ({ error }))
    const patienceMs = hooks.onIdle === undefined || this.#isIdle ? undefined : IDLE_MS
    const outcome = await firstOf(this.#next, hooks.signal, patienceMs)
    if (outcome === STOPPED) return 'stopped'
    if (outcome === IDLE) {
      this.#isIdle = true
      if (this.#lines.length > 0) this.#prepare()
      this.#readLines(Number.POSITIVE_INFINITY)
      await hooks.onIdle?.()
      return 'more'
    }
    this.#isIdle = false
    this.#next = undefined
    this.#take(outcome)
    return 'more'
  }

  #take(outcome: NextChunk): void {
    const unread = this.#at < this.#lines.length ? this.#lines.slice(this.#at) : []
    this.#at = 0
    if ('error' in outcome) {
      this.#lines = unread // what was read before the damage counts
      this.#end = { error: outcome.error }
    } else if (outcome.done === true) {
      this.#lines = [...unread, ...this.#cutter.end()]
      this.#end = 'ended'
    } else {
      const lines = this.#cutter.cut(outcome.value)
      this.#lines = unread.length > 0 ? [...unread, ...lines] : lines
    }
    if (this.#end !== undefined || this.#lines.length >= DETECTION_LINES) this.#prepare()
  }

  #prepare(): void {
    if (!this.#input.log.isReady) this.#input.log.prepare(this.#lines)
  }

  #readLines(horizonMs: number): void {
    const { log } = this.#input
    const lines = this.#lines
    while (this.#at < lines.length) {
      const line = lines[this.#at++]
      if (line !== undefined) log.read(line)
      if (log.newestMs > horizonMs) return
    }
  }
}

/**
 * What comes first: the next chunk, the abort, or the end of the patience. No `Promise.race` with a promise that lives
 * as long as the log: it would keep every chunk that ever won.
 */
async function firstOf(
  next: Promise<NextChunk>,
  signal: AbortSignal,
  patienceMs: number | undefined,
): Promise<NextChunk | typeof IDLE | typeof STOPPED> {
  if (signal.aborted) return STOPPED
  let timer: NodeJS.Timeout | undefined
  let onAbort = (): void => undefined
  try {
    return await new Promise((resolve) => {
      onAbort = () => resolve(STOPPED)
      signal.addEventListener('abort', onAbort)
      if (patienceMs !== undefined) timer = setTimeout(() => resolve(IDLE), patienceMs)
      void next.then(resolve)
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
