import type { Database } from '../db/pool.js'
import { giveVerdict, readVerdicts } from '../db/stores/verdicts.js'
import type { ApiDeps } from './api.js'

/** What people say of anomalies, in PostgreSQL. */
export const wireReview = (db: Database): Pick<ApiDeps, 'verdicts'> => ({
  verdicts: {
    read: (of) => readVerdicts(db, of),
    give: (of, given, check, by) => giveVerdict(db, of, given, check, by),
  },
})
