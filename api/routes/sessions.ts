import type { AnomalyRow } from '../../db/read-models/anomalies.js'
import { mayDo } from '../../domain/access/roles.js'
import type { SessionStep } from '../../domain/detection/log-replay.js'
import type { RuleInForce } from '../../domain/detection/rule.js'
import { closestWindow } from '../../domain/detection/why-not.js'
import { TOPICS } from '../../domain/events.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { SessionEvents, SessionSummary } from '../../schemas/rest/sessions.js'
import { withoutPersons, type EventFields, type ReadValue } from '../log/event-values.js'
import { beginAround, readSession, type LogReader, type ReadPart, type SessionRecord } from '../log/session-log.js'
import { ProblemError } from '../problem-error.js'
import { anomalyOf, type AnomalyReader } from './anomalies.js'
import { callerOf, type Handlers } from './router.js'

export interface SessionReaderDeps {
  readonly anomalies: AnomalyReader
  /** For one request. */
  readonly openLog: () => LogReader
  readonly readValue: (topic: string, value: Buffer | null) => Promise<ReadValue>
  readonly rulesInForce: () => Promise<RuleInForce[]>
  /** Records of a partition that one request reads at most, those of other sessions included. */
  readonly sessionLogRecords: number
}

const MAX_ANOMALIES = 100
const MAX_USERS = 10
/** A page ends behind so many bytes of values, if it has one event. */
const MAX_PAGE_BYTES = 1_048_576

/** `/sessions/{session_id}`: what the log says of a session, in a bounded part of its partition. */
export const createSessionReaderHandlers = (
  deps: SessionReaderDeps,
): Pick<Handlers<Operations>, 'getSessionSummary' | 'listSessionEvents'> => ({
  async getSessionSummary({ params: { session_id: sessionId } }, context) {
    const { role } = callerOf(context)
    const rows = (await deps.anomalies.list({ sessionId, limit: MAX_ANOMALIES })).rows
    const seen = new SeenClicks()
    const log = openPart(deps)
    const part = await read(log, TOPICS.clicks, sessionId, await beginOf(log, TOPICS.clicks, rows), async (record) =>
      seen.add(record, await deps.readValue(TOPICS.clicks, record.value)),
    )
    if (rows.length === 0 && seen.steps.length === 0) throw notFound(deps.sessionLogRecords)
    const rules = await deps.rulesInForce()
    return {
      body: {
        session_id: sessionId,
        user_ids: mayDo(role, 'analyst') ? [...seen.users].slice(0, MAX_USERS) : null,
        read: partOf(TOPICS.clicks, part),
        clicks: seen.steps.length,
        first_seen: iso(seen.firstMs),
        last_seen: iso(seen.lastMs),
        anomalies: rows.map((row) => anomalyOf(row, role)),
        rules: rules.map((rule) => ruleOf(rule, seen.steps, rows)),
      } satisfies SessionSummary,
    }
  },

  async listSessionEvents({ params: { session_id: sessionId }, query: { of, limit, cursor } }, context) {
    const seesPersons = mayDo(callerOf(context).role, 'analyst')
    const topic = TOPICS[of]
    const rows = cursor === undefined ? (await deps.anomalies.list({ sessionId, limit: MAX_ANOMALIES })).rows : []
    const page = new EventPage(limit)
    const log = openPart(deps)
    const begin = cursor ?? (await beginOf(log, topic, rows))
    const part = await read(log, topic, sessionId, begin, (record) => page.add(record))
    if (cursor === undefined && rows.length === 0 && page.records.length === 0) throw notFound(deps.sessionLogRecords)
    const data: SessionEvents['data'] = []
    for (const { offset, appendMs, value } of page.records) {
      const { event, fault = null } = await deps.readValue(topic, value)
      const shown = event === undefined ? null : shownOf(seesPersons ? event : withoutPersons(event))
      data.push({ kafka_offset: offset, append_ts: new Date(appendMs).toISOString(), event: shown, fault })
    }
    const next = page.nextOffset ?? (part.to < part.high ? part.to : undefined)
    return {
      body: {
        data,
        read: partOf(topic, { ...part, to: page.nextOffset ?? part.to }),
        page: { next_cursor: next === undefined ? null : String(next), limit },
      } satisfies SessionEvents,
    }
  },
})

/** The log as one request reads it. */
interface OpenPart {
  readonly eventLog: LogReader
  readonly sessionLogRecords: number
}

const openPart = ({ openLog, sessionLogRecords }: SessionReaderDeps): OpenPart => ({
  eventLog: openLog(),
  sessionLogRecords,
})

/** The anomalies say where in the log the session is; without any it is looked for in the newest part. */
async function beginOf(
  { eventLog, sessionLogRecords }: OpenPart,
  topic: string,
  rows: readonly AnomalyRow[],
): Promise<number | undefined> {
  const own = rows.filter((row) => row.topic === topic).map(({ firstOffset }) => firstOffset)
  if (own.length === 0) return undefined
  const partition = rows.find((row) => row.topic === topic)?.kafkaPartition
  const high = (await eventLog.offsets(topic)).find((one) => one.partition === partition)?.high ?? 0
  return beginAround(Math.min(...own), sessionLogRecords, high)
}

/** Values are read one after the other, in the order of the log, while the next records come. */
async function read(
  { eventLog, sessionLogRecords }: OpenPart,
  topic: string,
  sessionId: string,
  beginAt: number | undefined,
  onRecord: (record: SessionRecord) => void | Promise<void>,
): Promise<ReadPart> {
  let last: Promise<void> = Promise.resolve()
  const part = await readSession(eventLog, topic, sessionId, { beginAt, maxRecords: sessionLogRecords }, (record) => {
    last = last.then(() => onRecord(record))
    last.catch(() => undefined) // awaited below
  })
  await last
  return part
}

/** What is kept of a session's clicks to hold them against rules. */
class SeenClicks {
  readonly steps: SessionStep[] = []
  readonly users = new Set<string>()
  firstMs = Number.POSITIVE_INFINITY
  lastMs = Number.NEGATIVE_INFINITY
  readonly #ids = new Set<unknown>()

  add({ offset, appendMs }: SessionRecord, { event }: ReadValue): void {
    if (event === undefined || this.#ids.has(event['event_id'])) return
    this.#ids.add(event['event_id'])
    const eventMs = Number(event['event_ts'])
    this.firstMs = Math.min(this.firstMs, eventMs)
    this.lastMs = Math.max(this.lastMs, eventMs)
    if (typeof event['user_id'] === 'string' && this.users.size < MAX_USERS) this.users.add(event['user_id'])
    const observed = {
      ...{ event_id: String(event['event_id']), event_ts: eventMs, ingest_ts: eventMs, session_id: '', user_id: null },
      item_id: typeof event['item_id'] === 'string' ? event['item_id'] : null,
    }
    this.steps.push({ offset, appendMs, event: observed, fate: 'accepted', fault: undefined, watermarkMs: 0 })
  }
}

/** The first records of a session that fit a page, and where the next page begins. */
class EventPage {
  readonly records: SessionRecord[] = []
  nextOffset: number | undefined
  #bytes = 0
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  add(record: SessionRecord): void {
    if (this.nextOffset !== undefined) return
    const bytes = record.value?.length ?? 0
    const isFull = this.records.length === this.#limit || this.#bytes + bytes > MAX_PAGE_BYTES
    if (isFull && this.records.length > 0) {
      this.nextOffset = record.offset
      return
    }
    this.#bytes += bytes
    // The value pins the whole fetch that it came in.
    this.records.push({ ...record, value: record.value && Buffer.from(record.value) })
  }
}

function ruleOf(rule: RuleInForce, steps: readonly SessionStep[], rows: readonly AnomalyRow[]) {
  const peak = closestWindow(rule, steps)
  return {
    rule_id: rule.ruleId,
    rule_version: rule.version,
    mode: rule.mode,
    min_events: rule.condition.minEvents,
    peak:
      peak === undefined
        ? null
        : {
            window_start: new Date(peak.startMs).toISOString(),
            window_end: new Date(peak.endMs).toISOString(),
            events: peak.events,
            distinct_items: peak.distinctItems,
            max_distinct_items: Number.isFinite(peak.maxDistinct) ? peak.maxDistinct : null,
          },
    flagged: rows.some(
      ({ ruleId, mode, status }) => ruleId === rule.ruleId && mode === rule.mode && status !== 'retracted',
    ),
  }
}

const partOf = (topic: string, { partition, from, to, low, high }: ReadPart) => ({
  ...{ topic, kafka_partition: partition, from_offset: from, to_offset: to },
  ...{ records_before: from - low, records_behind: high - to },
})

const iso = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null)

/** Times as RFC 3339, as everywhere in this API; one that is none stays a number. */
const shownOf = (event: EventFields): EventFields => ({
  ...event,
  ...Object.fromEntries(
    ['event_ts', 'ingest_ts'].flatMap((name) => {
      const at = new Date(Number(event[name]))
      return Number.isNaN(at.getTime()) ? [] : [[name, at.toISOString()]]
    }),
  ),
})

const notFound = (records: number): ProblemError =>
  new ProblemError(
    'SESSION_NOT_FOUND',
    `it has no anomaly, and no record among the newest ${records} of its partition; guardian why-not reads further back`,
  )
