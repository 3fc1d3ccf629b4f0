import { parseTimeZone } from '../domain/shop-day.js'
import { DAY_MS } from '../domain/utc-day.js'
import type { Database } from '../db/pool.js'
import { listQuarantine } from '../db/read-models/quarantine.js'
import { addAllowlistEntry, endAllowlistEntry, getAllowlistEntry, listAllowlist } from '../db/stores/allowlist.js'
import { decideRecord } from '../db/stores/quarantine.js'
import { giveVerdict, readVerdicts } from '../db/stores/verdicts.js'
import type { ApiConfig } from './api-config.js'
import type { ApiDeps } from './api.js'

/** What people say of anomalies and of quarantined records, in PostgreSQL. */
export const wireReview = (
  {
    ALLOWLIST_MAX_DAYS,
    ALLOWLIST_MAX_ENTRIES,
    KPI_TIME_ZONE,
  }: Pick<ApiConfig, 'ALLOWLIST_MAX_DAYS' | 'ALLOWLIST_MAX_ENTRIES' | 'KPI_TIME_ZONE'>,
  db: Database,
): Pick<ApiDeps, 'verdicts' | 'allowlist' | 'allowlistMaxMs' | 'quarantine' | 'timeZone'> => ({
  timeZone: parseTimeZone(KPI_TIME_ZONE),
  verdicts: {
    read: (of) => readVerdicts(db, of),
    give: (of, given, check, by) => giveVerdict(db, of, given, check, by),
  },
  allowlist: {
    list: (page) => listAllowlist(db, page),
    get: (entryId) => getAllowlistEntry(db, entryId),
    add: (entry, by) => addAllowlistEntry(db, entry, ALLOWLIST_MAX_ENTRIES, by),
    end: (entryId, now, by) => endAllowlistEntry(db, entryId, now, by),
  },
  quarantine: {
    list: (page) => listQuarantine(db, page),
    decide: (key, decision, comment, by) => decideRecord(db, key, decision, comment, by),
  },
  allowlistMaxMs: ALLOWLIST_MAX_DAYS * DAY_MS,
})
