import { mayDo } from '../../domain/access/roles.js'
import { isSelected, type DeadLetter, type DeadLetterFilter } from '../../domain/dead-letters/replay.js'
import { TOPICS } from '../../domain/events.js'
import { lastHeader } from '../../platform/kafka/last-header.js'
import type { DeadLetterList } from '../../schemas/rest/dead-letters.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { withoutPersons } from '../log/event-values.js'
import type { LogRecord } from '../log/session-log.js'
import { callerOf, type Handlers } from './router.js'
import type { SessionReaderDeps } from './sessions.js'

export type DeadLetterDeps = Pick<SessionReaderDeps, 'eventLog' | 'readValue' | 'sessionLogRecords'>

const RAW_BYTES = 4_096
/** Of all values of a page together: what is beyond it is told by its size alone. */
const MAX_PAGE_BYTES = 1_048_576

type Letter = DeadLetter & { readonly fault: string | undefined; readonly value: Buffer | null }

/** `/dlq/records`: the newest dead letters, in a bounded part of the log. */
export const createDeadLetterHandlers = (deps: DeadLetterDeps): Pick<Handlers<Operations>, 'listDeadLetters'> => ({
  async listDeadLetters({ query: { code, topic, from, to, limit } }, context) {
    const { role } = callerOf(context)
    const filter: DeadLetterFilter = {
      ...(code && { code }),
      ...(topic && { topic }),
      ...(from && { fromMs: from.getTime() }),
      ...(to && { toMs: to.getTime() }),
    }
    const newest = new NewestLetters(filter, limit)
    const read = await readNewest(deps, newest)
    const data: DeadLetterList['data'] = []
    for (const letter of newest.sorted()) data.push(await shownOf(letter, deps, mayDo(role, 'analyst')))
    return {
      body: { causes: newest.causes(), data, read, page: { next_cursor: null, limit } } satisfies DeadLetterList,
    }
  },
})

/** Keeps the newest letters that are selected, and counts all of them by cause. */
class NewestLetters {
  readonly #filter: DeadLetterFilter
  readonly #limit: number
  readonly #counts = new Map<string, { code: string | null; topic: string | null; records: number }>()
  #kept: Letter[] = []

  constructor(filter: DeadLetterFilter, limit: number) {
    this.#filter = filter
    this.#limit = limit
  }

  add(letter: Letter): void {
    if (!isSelected(this.#filter, letter)) return
    const name = JSON.stringify([letter.code, letter.topic])
    const cause = this.#counts.get(name) ?? { code: letter.code ?? null, topic: letter.topic ?? null, records: 0 }
    this.#counts.set(name, { ...cause, records: cause.records + 1 })
    // A value pins the whole fetch that it came in.
    this.#kept.push({ ...letter, value: letter.value && Buffer.from(letter.value) })
    if (this.#kept.length > 2 * this.#limit) this.#kept = this.sorted()
  }

  sorted(): Letter[] {
    return this.#kept
      .sort((a, b) => b.appendMs - a.appendMs || b.partition - a.partition || b.offset - a.offset)
      .slice(0, this.#limit)
  }

  causes(): DeadLetterList['causes'] {
    return [...this.#counts.values()].sort((a, b) => b.records - a.records).slice(0, 100)
  }
}

async function readNewest({ eventLog, sessionLogRecords }: DeadLetterDeps, newest: NewestLetters) {
  const offsets = await eventLog.offsets(TOPICS.deadLetters)
  const share = Math.ceil(sessionLogRecords / Math.max(1, offsets.length))
  const read = { records: 0, unread: 0 }
  for (const { partition, low, high } of offsets) {
    const from = Math.max(low, high - share)
    read.unread += from - low
    if (from >= high) continue
    await eventLog.read({ topic: TOPICS.deadLetters, partition, from, to: high }, (records) => {
      read.records += records.length
      for (const record of records) newest.add(letterOf(partition, record))
    })
  }
  return read
}

function letterOf(partition: number, { offset, timestamp, headers, value }: LogRecord): Letter {
  const attempts = Number(lastHeader(headers, 'guardian.replay.attempt') ?? 0)
  return {
    ...{ partition, offset: Number(offset), appendMs: Number(timestamp), value },
    code: lastHeader(headers, 'guardian.error.code'),
    topic: lastHeader(headers, '__connect.errors.topic'),
    fault: lastHeader(headers, '__connect.errors.exception.message'),
    attempts: Number.isSafeInteger(attempts) && attempts >= 0 ? attempts : 0,
  }
}

async function shownOf(letter: Letter, { readValue }: DeadLetterDeps, seesPersons: boolean) {
  const { value, topic } = letter
  const isSmall = (value?.length ?? 0) <= MAX_PAGE_BYTES / 16
  const { event } = topic !== undefined && isSmall ? await readValue(topic, value) : { event: undefined }
  return {
    ...{ kafka_partition: letter.partition, kafka_offset: letter.offset },
    ...{ append_ts: new Date(letter.appendMs).toISOString(), code: letter.code ?? null },
    ...{ fault: letter.fault ?? null, topic: topic ?? null, attempts: letter.attempts, bytes: value?.length ?? 0 },
    raw: seesPersons ? (value?.subarray(0, RAW_BYTES).toString('base64') ?? null) : null,
    event: event === undefined ? null : seesPersons ? event : withoutPersons(event),
  }
}
