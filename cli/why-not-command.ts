import { Command } from 'commander'
import type { LogReplay } from '../domain/detection/log-replay.js'
import type { RuleInForce } from '../domain/detection/rule.js'
import { whyNot, type NotFlaggedReason, type WhyNot } from '../domain/detection/why-not.js'
import { FATES } from '../domain/detection/fate.js'
import { TOPICS } from '../domain/events.js'
import { freshLogOfTopic } from '../domain/fresh-log.js'
import { readPartitionHistory, type PartitionHistory } from '../db/read-models/partition-history.js'
import { keyPartition } from '../platform/kafka/key-partition.js'
import { partitionLog, rulesFrom } from './recheck/partition-log.js'
import { UsageError } from './cli-error.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { wholeNumber } from './whole-number.js'
import { withDatabase } from './with-database.js'

interface WhyNotWords {
  readonly limit: string
  readonly topic: string
  readonly json?: boolean
}

const EXPLANATION = `
The newest records of the session's partition are decided once more, by the rules that were in force, and each rule that
is in force now is held against the session's fullest window. What lies before the records that are read is not known:
of the first of them a late one, or a duplicate, can be taken for a new one. Exit code 1: no record of the session is
among them.`

const SAID: Readonly<Record<NotFlaggedReason, string>> = {
  flagged: 'it was flagged',
  retracted: 'it was flagged, and retracted when the window closed: the condition did not hold to its end',
  below: 'too few events in any window',
  too_diverse: 'enough events, but on too many different items',
  late: 'too few events that count: late ones would have been enough',
  duplicate: 'too few events that count: the rest are duplicates',
  dead: 'too few events that count: dead letters would have been enough',
  gap: 'too few events, and records were lost at that time: there may have been more',
  not_in_force: 'the rule came into force after these events, or before its windows could be counted whole',
}

/** `guardian why-not`: what kept each rule from flagging a session. */
export const whyNotCommand = (): Command =>
  new Command('why-not')
    .description('say, rule by rule, why a session was not flagged, by reading its partition once more')
    .argument('<session>', 'session_id')
    .option('--limit <records>', 'read at most so many records, the newest of the partition', '1000000')
    .option('--topic <topic>', 'of the session: that of a fresh log, or the live one', TOPICS.clicks)
    .option('--json', 'print one JSON document')
    .addHelpText('after', EXPLANATION)
    .action((session: string, words: WhyNotWords) => runCommand(words, (terminal) => answer(session, words, terminal)))

async function answer(sessionId: string, words: WhyNotWords, terminal: Terminal): Promise<CommandResult> {
  const limit = wholeNumber('--limit', words.limit, 1_000_000_000)
  if (sessionId === '' || limit === 0) throw new UsageError('a session and a limit of at least 1 are needed')
  const { topic } = words
  if (topic !== TOPICS.clicks && !freshLogOfTopic(topic))
    throw new UsageError(`${topic} is neither ${TOPICS.clicks} nor the topic of a fresh log, km.logs.NAME.v1`)
  const log = partitionLog(terminal)
  const offsets = await log.offsets(topic)
  const partition = keyPartition(sessionId, offsets.length)
  const { low, high } = offsets.find((one) => one.partition === partition) ?? { low: 0, high: 0 }
  const history = await withDatabase(terminal, (db) => readPartitionHistory(db, topic, partition), topic)
  // What the detector has not come to yet has not been decided.
  const to = Math.min(high, history.nextOffset ?? low)
  const from = Math.max(low, to - limit)
  const changes = rulesFrom(history)
  const gapEnds = history.dataGaps.map(({ toOffset }) => toOffset).filter((end) => end >= from && end <= to)
  const replay = await log.replay({ topic, partition, from, to }, changes, sessionId, gapEnds)
  const place = { topic, kafka_partition: partition, from_offset: from, to_offset: to, unread: from - low }
  return resultOf(sessionId, place, replay, changes.at(-1)?.rules ?? [], history)
}

interface Place {
  readonly topic: string
  readonly kafka_partition: number
  readonly from_offset: number
  readonly to_offset: number
  /** Records of the log before those that were read. */
  readonly unread: number
}

function resultOf(
  sessionId: string,
  place: Place,
  replay: LogReplay,
  rules: readonly RuleInForce[],
  { dataGaps }: PartitionHistory,
): CommandResult {
  const { steps } = replay
  const rows = replay.rows()
  const answers = rules.map((rule) => ({ rule, ...whyNot(rule, steps, rows, replay.gapsMs) }))
  const fates = Object.fromEntries(
    FATES.map((fate) => [fate, steps.filter((step) => step.fate === fate).length] as const),
  )
  const document = {
    session_id: sessionId,
    ...place,
    records: fates,
    data_gaps: dataGaps.map(({ fromOffset, toOffset }) => ({ from_offset: fromOffset, to_offset: toOffset })),
    rules: answers.map(ruleDocument),
  }
  const where = `${place.topic}/${place.kafka_partition} from offset ${place.from_offset} to ${place.to_offset - 1}`
  const unread = place.unread > 0 ? `; ${place.unread} earlier records were not read (see --limit)` : ''
  const counts = FATES.map((fate) => `${String(fates[fate])} ${fate}`).join(', ')
  const isThere = steps.length > 0
  return {
    document,
    complete: isThere,
    lines: [
      `Read ${where}${unread}.`,
      isThere ? `Session ${sessionId}: ${counts}.` : `No record of session ${sessionId} is among them.`,
      ...(isThere ? answers.map(ruleLine) : []),
    ],
  }
}

type Answer = WhyNot & { readonly rule: RuleInForce }

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

const ruleDocument = ({ rule, reason, peak }: Answer) => ({
  rule_id: rule.ruleId,
  rule_version: rule.version,
  mode: rule.mode,
  reason,
  says: SAID[reason],
  min_events: rule.condition.minEvents,
  peak: peak
    ? {
        window_start: new Date(peak.startMs).toISOString(),
        window_end: new Date(peak.endMs).toISOString(),
        events: peak.events,
        distinct_items: peak.distinctItems,
        max_distinct_items: finiteOrNull(peak.maxDistinct),
      }
    : null,
})

function ruleLine({ rule, reason, peak }: Answer): string {
  const name = `  ${rule.ruleId} version ${rule.version} (${rule.mode}): ${SAID[reason]}`
  if (!peak) return `${name}; no event counts`
  const items = Number.isFinite(peak.maxDistinct) ? ` on ${peak.distinctItems} items (at most ${peak.maxDistinct})` : ''
  return (
    `${name}; at its fullest, ${peak.events} of ${rule.condition.minEvents} events${items} ` +
    `from ${new Date(peak.startMs).toISOString()} to ${new Date(peak.endMs).toISOString()}`
  )
}
