import type { Click } from '../../domain/events.js'
import { TOPICS } from '../../domain/events.js'
import type { EventSender } from '../event-sender.js'
import { LineCutter, type LogSource } from './log-lines.js'
import type { LogReading } from './log-reading.js'

export interface SendLogDeps {
  readonly sender: EventSender
  readonly reading: LogReading
  readonly signal: AbortSignal
  /** Whether what is held back goes out when nothing has come for a second: the log is being written now. */
  readonly flushWhenIdle: boolean
  /** Called after each chunk, with the records that Kafka has acknowledged. */
  readonly onProgress: (acknowledged: number) => void
}

/** How a log ended: all of it was read, a person stopped it, or it could not be read further. */
export type LogEnd =
  { readonly kind: 'end' } | { readonly kind: 'stopped' } | { readonly kind: 'broken'; readonly error: unknown }

const BATCH_RECORDS = 2_000
const IDLE_MS = 1_000
const IDLE = Symbol('idle')
const STOPPED = Symbol('stopped')

/**
 * Sends a log's clicks until its end, the abort, or an error of reading; what was read by then is sent in every case.
 * One batch is under way while the next is read.
 * @throws PlatformError when Kafka does not take them
 */
export async function sendLog(source: LogSource, deps: SendLogDeps): Promise<LogEnd> {
  const outbox = new Outbox(deps.sender)
  const cutter = new LineCutter()
  const end = await readChunks(source, deps, {
    chunk: async (chunk) => {
      for (const line of cutter.cut(chunk)) for (const click of deps.reading.read(line)) await outbox.add(click)
      deps.onProgress(outbox.acknowledged)
    },
    idle: async () => {
      for (const click of deps.reading.flush()) await outbox.add(click)
      await outbox.settle()
      deps.onProgress(outbox.acknowledged)
    },
  })
  if (end.kind === 'end')
    for (const line of cutter.end()) for (const click of deps.reading.read(line)) await outbox.add(click)
  for (const click of deps.reading.flush()) await outbox.add(click)
  await outbox.settle()
  deps.onProgress(outbox.acknowledged)
  return end
}

/** Collects records into batches; a full one waits until the one before it is acknowledged. */
class Outbox {
  readonly #sender: EventSender
  #batch: Parameters<EventSender['send']>[0][number][] = []
  #underWay: Promise<void> = Promise.resolve()
  acknowledged = 0

  constructor(sender: EventSender) {
    this.#sender = sender
  }

  async add(click: Click): Promise<void> {
    this.#batch.push(
      this.#sender.place(TOPICS.clicks, click.session_id, this.#sender.encodeClick(click), click.event_ts),
    )
    if (this.#batch.length >= BATCH_RECORDS) await this.#dispatch()
  }

  async settle(): Promise<void> {
    await this.#dispatch()
    await this.#underWay
  }

  async #dispatch(): Promise<void> {
    await this.#underWay
    const batch = this.#batch
    this.#batch = []
    this.#underWay = this.#sender.send(batch).then(() => void (this.acknowledged += batch.length))
    this.#underWay.catch(() => undefined) // awaited, and thus reported, at the next batch or at the end
  }
}

interface ChunkHandlers {
  readonly chunk: (chunk: Buffer) => Promise<void>
  readonly idle: () => Promise<void>
}

async function readChunks(source: LogSource, deps: SendLogDeps, handle: ChunkHandlers): Promise<LogEnd> {
  const iterator = source.chunks[Symbol.asyncIterator]()
  const { signal } = deps
  let next = nextOf(iterator)
  let isIdle = !deps.flushWhenIdle
  for (;;) {
    const outcome = await firstOf(next, signal, isIdle ? undefined : IDLE_MS)
    if (outcome === STOPPED) return { kind: 'stopped' }
    if (outcome === IDLE) {
      isIdle = true
      await handle.idle()
      continue
    }
    if ('error' in outcome) return { kind: 'broken', error: outcome.error }
    if (outcome.done === true) return { kind: 'end' }
    isIdle = !deps.flushWhenIdle
    await handle.chunk(outcome.value)
    next = nextOf(iterator)
  }
}

type NextChunk = IteratorResult<Buffer, unknown> | { readonly error: unknown }

/** An error of reading is a value here, so that it cannot go by unseen while something else is awaited. */
const nextOf = (iterator: AsyncIterator<Buffer>): Promise<NextChunk> =>
  iterator.next().catch((error: unknown) => ({ error }))

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
