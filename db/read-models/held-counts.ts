import type { Queryable } from '../pool.js'
import { OPEN } from '../stores/back-tests.js'

/** How much there is of what the configuration bounds in the database. */
export interface HeldCounts {
  /** Enabled or not. */
  readonly users: number
  /** Entries of the allowlist that have not ended. */
  readonly allowlistEntries: number
  readonly openBackTests: number
}

/** @throws GRD_STORE_* */
export async function readHeldCounts(db: Queryable): Promise<HeldCounts | undefined> {
  const { rows } = await db.query<HeldCounts>(
    `SELECT (SELECT count(*) FROM api_users) AS users,
            (SELECT count(*) FROM allowlist_entries e WHERE e.ends_ts > now()) AS "allowlistEntries",
            (SELECT count(*) FROM back_tests b WHERE ${OPEN}) AS "openBackTests"`,
  )
  return rows[0]
}
