import { ArchivedRecords } from '../../activities/back-test/archived-records.js'
import { decideArchived } from '../../activities/back-test/back-test-activities.js'
import type { Queryable } from '../../db/pool.js'
import { readBackTestParts } from '../../db/read-models/back-test-inputs.js'
import type { Anomaly } from '../../domain/detection/anomaly.js'
import { ruleInForce } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import { TOPICS } from '../../domain/events.js'
import { addDays, parseUtcDay, startOfDayMs } from '../../domain/utc-day.js'

type Row = Omit<Anomaly, 'mode'> & { readonly kafkaPartition: number }

const byKey = (a: Row, b: Row): number =>
  a.windowStartMs - b.windowStartMs || (a.sessionId < b.sessionId ? -1 : a.sessionId > b.sessionId ? 1 : 0)

/** The rows that the active version of a rule has on an archived day, with all their evidence, when it is tested on it. */
export async function backTestedRows(
  db: Queryable,
  archiveFolder: string,
  ruleId: string,
  text: string,
  allowedLatenessMs = 30_000,
): Promise<Row[]> {
  const day = parseUtcDay(text)
  const { rows: rules } = await db.query<{ version: number; kind: string; parameters: Record<string, unknown> }>(
    `SELECT r.version, r.kind, r.parameters FROM rules r WHERE r.rule_id = $1 AND r.state = 'active'`,
    [ruleId],
  )
  const [stored] = rules
  if (stored === undefined) throw new Error(`no active version of ${ruleId}`)
  const candidate = ruleInForce({ ruleId, ...stored, state: 'shadow' }, 'shadow', RULE_KINDS)
  const found: Row[] = []
  for (const part of (await readBackTestParts(db, TOPICS.clicks, [day])).flatMap(({ logs }) => logs))
    await ArchivedRecords.with({ memoryLimitBytes: 2 ** 28, threads: 1 }, async (archive) => {
      const files = part.files.map((file) => ({ ...file, path: `${archiveFolder}/${file.path}` }))
      const span = { fromMs: startOfDayMs(day), toMs: startOfDayMs(addDays(day, 1)), maxWindows: 100_000 }
      const policy = { allowedLatenessMs, maxFutureSkewMs: 300_000 }
      const rows = await decideArchived(
        archive,
        { ...part, files },
        { candidate, inForce: undefined },
        { policy, span },
      )
      for (const row of rows) {
        const { mode, ...rest } = row
        if (mode === 'shadow') found.push({ ...rest, kafkaPartition: part.kafkaPartition })
      }
    })
  return found.sort(byKey)
}

/** The rows of the rule that the detector wrote on the day. */
export async function storedRows(db: Queryable, ruleId: string, day: string): Promise<Row[]> {
  const { rows } = await db.query<Row>(
    `SELECT a.session_id AS "sessionId", a.user_id AS "userId", a.rule_id AS "ruleId", a.rule_version AS "ruleVersion",
            (extract(epoch FROM a.window_start) * 1000)::bigint AS "windowStartMs",
            (extract(epoch FROM a.window_end) * 1000)::bigint AS "windowEndMs", a.event_count AS "eventCount",
            a.distinct_items AS "distinctItems", a.status, a.first_offset AS "firstOffset", a.last_offset AS "lastOffset",
            a.as_of_offset AS "asOfOffset", (extract(epoch FROM a.produced_ts) * 1000)::bigint AS "producedMs",
            (extract(epoch FROM a.kafka_ts) * 1000)::bigint AS "kafkaMs", a.evidence, a.kafka_partition AS "kafkaPartition"
       FROM anomaly_sessions a
      WHERE a.rule_id = $1 AND a.mode = 'active' AND a.window_start >= $2::date AND a.window_start < $2::date + 1`,
    [ruleId, day],
  )
  return rows.sort(byKey)
}
