import type { HeldCounts } from '../db/read-models/held-counts.js'
import type { VariableName } from '../platform/config.js'
import { observeLimit } from '../platform/limits.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import { cachedFor } from './cached-for.js'

const KEPT_MS = 60_000
/** A scrape waits no longer: without an answer these are left out, and all others are there. */
const DEADLINE_MS = 2_000

const COUNTED = {
  users: 'API_USERS_MAX',
  allowlistEntries: 'ALLOWLIST_MAX_ENTRIES',
  openBackTests: 'BACK_TESTS_OPEN_MAX',
} as const satisfies Readonly<Record<keyof HeldCounts, VariableName>>

type Limits = Readonly<Record<(typeof COUNTED)[keyof HeldCounts], number>>

/** Shows what the database holds of what is bounded. @param read asks the database; at most once a minute */
export function observeHeld(
  registry: Registry,
  limits: Limits,
  read: () => Promise<HeldCounts | undefined>,
  log: Logger,
): void {
  const kept = cachedFor(KEPT_MS, read)
  const counts = () =>
    withDeadline(kept, DEADLINE_MS).catch((err: unknown) => {
      log.warn({ err }, 'limits_not_counted')
      return undefined
    })
  for (const name of Object.keys(COUNTED) as (keyof HeldCounts)[])
    observeLimit(registry, COUNTED[name], { max: limits[COUNTED[name]], used: async () => (await counts())?.[name] })
}
