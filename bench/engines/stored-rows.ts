import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Expectation, FlaggedWindow } from './expected-rows.js'

/** How an engine's rows differ from what is expected; all zero when they are right. */
export interface RowDifference {
  readonly missing: number
  readonly extra: number
  readonly different: number
}

interface StoredRow extends FlaggedWindow {
  readonly status: string
}

/** Closing rows may still be on their way when the last record has been processed. */
const GRACE_MS = 20_000
const LOOK_EVERY_MS = 500

export const isRight = ({ missing, extra, different }: RowDifference): boolean => missing + extra + different === 0

/** Holds stored rows of closed windows against the expected ones: the same keys, the same counts, all confirmed. */
export function compareRows(expected: readonly FlaggedWindow[], stored: readonly StoredRow[]): RowDifference {
  const keyOf = ({ session, rule, startMs }: FlaggedWindow) => `${session} ${rule} ${startMs}`
  const byKey = new Map(expected.map((window) => [keyOf(window), window]))
  let extra = 0
  let different = 0
  for (const row of stored) {
    const window = byKey.get(keyOf(row))
    byKey.delete(keyOf(row))
    if (!window) extra++
    else if (window.events !== row.events || window.items !== row.items || row.status !== 'confirmed') different++
  }
  return { missing: byKey.size, extra, different }
}

/** Looks at an engine's table until its rows are right, or until they have had their time. */
export async function checkRows(databaseUrl: string, table: string, expected: Expectation): Promise<RowDifference> {
  const deadline = performance.now() + GRACE_MS
  for (;;) {
    const difference = compareRows(expected.windows, await storedRows(databaseUrl, table, expected.closedUntilMs))
    if (isRight(difference) || performance.now() > deadline) return difference
    await sleep(LOOK_EVERY_MS)
  }
}

async function storedRows(databaseUrl: string, table: string, closedUntilMs: number): Promise<StoredRow[]> {
  const { rows } = await query(
    databaseUrl,
    `SELECT r.session_id, r.rule_id, r.window_start, r.event_count, r.distinct_items, r.status
       FROM ${table} r WHERE r.status <> 'retracted' AND r.window_end <= $1`,
    [new Date(closedUntilMs)],
  )
  return rows.map((row) => ({
    session: String(row['session_id']),
    rule: String(row['rule_id']),
    startMs: Number(row['window_start']),
    events: Number(row['event_count']),
    items: Number(row['distinct_items']),
    status: String(row['status']),
  }))
}

const EVIDENCE_COLUMNS = `user_id text, evidence jsonb NOT NULL, kafka_partition integer NOT NULL, first_offset bigint NOT NULL,
       last_offset bigint NOT NULL, produced_ts timestamptz NOT NULL, kafka_ts timestamptz NOT NULL,
       detected_ts timestamptz NOT NULL, db_write_ts timestamptz NOT NULL DEFAULT now(),`

/** A table for one engine's rows, empty. */
export async function makeTable(databaseUrl: string, table: string, hasEvidence: boolean): Promise<void> {
  await query(
    databaseUrl,
    `DROP TABLE IF EXISTS ${table};
     CREATE TABLE ${table} (
       session_id text NOT NULL, rule_id text NOT NULL, window_start timestamptz NOT NULL, window_end timestamptz NOT NULL,
       event_count integer NOT NULL, distinct_items integer NOT NULL, status text NOT NULL,
       ${hasEvidence ? EVIDENCE_COLUMNS : ''}
       PRIMARY KEY (window_start, session_id, rule_id))`,
  )
}

async function query(databaseUrl: string, text: string, values?: unknown[]) {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await client.query<Record<string, unknown>>(text, values)
  } finally {
    await client.end()
  }
}
