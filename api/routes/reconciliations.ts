import type {
  DifferencePage,
  DifferenceRow,
  ReconciliationPage,
  ReconciliationRow,
} from '../../db/read-models/reconciliations.js'
import type { ReconciledAnomaly } from '../../domain/reconciliation/compare-anomalies.js'
import { anomalyIdOf } from '../../schemas/rest/anomaly-id.js'
import { AnomalyStatus } from '../../schemas/rest/anomalies.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type {
  Difference,
  DifferenceList,
  Reconciliation,
  ReconciliationList,
} from '../../schemas/rest/reconciliations.js'
import { ProblemError } from '../problem-error.js'
import { pageOf } from './page.js'
import type { Handlers } from './router.js'

export interface ReconciliationReader {
  readonly list: (page: ReconciliationPage) => Promise<ReconciliationRow[]>
  readonly get: (day: string) => Promise<ReconciliationRow | undefined>
  readonly differences: (page: DifferencePage) => Promise<DifferenceRow[]>
}

type ReconciliationOperation = 'listReconciliations' | 'listReconciledDifferences'

/** `/reconciliations`. */
export const createReconciliationHandlers = (
  read: ReconciliationReader,
): Pick<Handlers<Operations>, ReconciliationOperation> => ({
  async listReconciliations({ query: { limit, cursor } }) {
    const rows = await read.list({ limit, before: cursor })
    return { body: pageOf(rows, limit, reconciliationOf, (last) => last.day) satisfies ReconciliationList }
  },

  async listReconciledDifferences({ params: { day }, query: { kind, limit, cursor } }) {
    const found = await read.get(day)
    if (found === undefined)
      throw new ProblemError(
        'DAY_NOT_RECONCILED',
        'a day is reconciled once it is over and archived; see /reconciliations',
      )
    const rows = await read.differences({ day, kind, limit, after: cursor })
    const page = pageOf(rows, limit, differenceOf, ({ anomaly_id }) => anomaly_id)
    return { body: { reconciliation: reconciliationOf(found), ...page } satisfies DifferenceList }
  },
})

const reconciliationOf = ({ day, missing, extra, different, ...row }: ReconciliationRow): Reconciliation => ({
  day,
  expected: row.expectedRows,
  stored: row.storedRows,
  missing,
  extra,
  different,
  reconciled_ts: row.reconciledTs.toISOString(),
})

const differenceOf = (row: DifferenceRow): Difference => ({
  kind: row.kind,
  anomaly_id: anomalyIdOf(row),
  session_id: row.sessionId,
  rule_id: row.ruleId,
  mode: row.mode,
  window_start: row.windowStart.toISOString(),
  expected: row.expected && sideOf(row.expected),
  stored: row.stored && sideOf(row.stored),
})

/** What may differ: the rest of it says which anomaly it is. */
const sideOf = (row: ReconciledAnomaly) => ({
  rule_version: row.rule_version,
  kafka_partition: row.kafka_partition,
  event_count: row.event_count,
  distinct_items: row.distinct_items,
  first_offset: row.first_offset,
  last_offset: row.last_offset,
  status: AnomalyStatus.parse(row.status),
})
