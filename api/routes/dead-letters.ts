import { mayDo } from '../../domain/access/roles.js'
import type { DeadLetter, DeadLetterFilter, DeadLetterState } from '../../domain/dead-letters/replay.js'
import { TOPICS } from '../../domain/events.js'
import type { DeadLetterList } from '../../schemas/rest/dead-letters.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { DeadLetterPage, type Letter, type PartToRead } from '../log/dead-letter-page.js'
import { withoutPersons } from '../log/event-values.js'
import type { LogReader } from '../log/session-log.js'
import { callerOf, type Handlers } from './router.js'
import type { SessionReaderDeps } from './sessions.js'

export interface DeadLetterDeps extends Pick<SessionReaderDeps, 'openLog' | 'readValue' | 'sessionLogRecords'> {
  /** Where letters stand, as `partition@offset`; those that are not in it are dead. */
  readonly letterStates: (letters: readonly DeadLetter[]) => Promise<ReadonlyMap<string, DeadLetterState>>
}

/** `/dlq/records`: dead letters, newest first, a bounded part of the log at a time, back to the oldest that Kafka has. */
export const createDeadLetterHandlers = (deps: DeadLetterDeps): Pick<Handlers<Operations>, 'listDeadLetters'> => ({
  async listDeadLetters({ query: { code, topic, from, to, limit, cursor } }, context) {
    const { role } = callerOf(context)
    const filter: DeadLetterFilter = {
      ...(code && { code }),
      ...(topic && { topic }),
      ...(from && { fromMs: from.getTime() }),
      ...(to && { toMs: to.getTime() }),
    }
    const eventLog = deps.openLog()
    const parts = await partsToRead(eventLog, deps.sessionLogRecords, cursor, filter.toMs)
    const page = new DeadLetterPage(parts, filter, limit)
    const read = { records: 0, unread: parts.reduce((sum, part) => sum + part.from - part.low, 0) }
    for (const { partition, from: first, to: end } of parts)
      if (first < end)
        await eventLog.read({ topic: TOPICS.deadLetters, partition, from: first, to: end }, (records) => {
          read.records += records.length
          page.add(partition, records)
        })
    const data: DeadLetterList['data'] = []
    const letters = page.take()
    const states = await deps.letterStates(letters)
    for (const letter of letters) {
      context.requireCaller()
      const state = states.get(`${letter.partition}@${letter.offset}`) ?? 'dead'
      data.push({ ...(await shownOf(letter, deps, mayDo(role, 'analyst'))), state })
    }
    const next = page.next()?.join('.') ?? null
    return {
      body: { causes: page.causes(), data, read, page: { next_cursor: next, limit } } satisfies DeadLetterList,
    }
  },
})

/**
 * The newest part of each partition, or the part before where a cursor says that the page before has ended. A partition
 * that was added since has nothing that is older.
 */
async function partsToRead(
  eventLog: LogReader,
  sessionLogRecords: number,
  cursor: readonly number[] | undefined,
  toMs: number | undefined,
): Promise<PartToRead[]> {
  const [offsets, ends] = await Promise.all([
    eventLog.offsets(TOPICS.deadLetters),
    cursor === undefined && toMs !== undefined ? eventLog.offsetsAt(TOPICS.deadLetters, toMs) : undefined,
  ])
  const share = Math.ceil(sessionLogRecords / Math.max(1, offsets.length))
  return offsets.map(({ partition, low, high }) => {
    const end = cursor === undefined ? (ends?.get(partition) ?? high) : (cursor[partition] ?? low)
    const to = Math.min(high, Math.max(low, end))
    return { partition, low, from: Math.max(low, to - share), to }
  })
}

async function shownOf(letter: Letter, { readValue }: DeadLetterDeps, seesPersons: boolean) {
  const { value, topic } = letter
  const { event } = topic !== undefined && value !== null ? await readValue(topic, value) : { event: undefined }
  return {
    ...{ kafka_partition: letter.partition, kafka_offset: letter.offset },
    ...{ append_ts: new Date(letter.appendMs).toISOString(), code: letter.code ?? null },
    ...{ fault: letter.fault ?? null, topic: topic ?? null, attempts: letter.attempts, bytes: letter.bytes },
    raw: seesPersons ? (letter.head?.toString('base64') ?? null) : null,
    event: event === undefined ? null : seesPersons ? event : withoutPersons(event),
  }
}
