import type { JudgedAnomaly, JudgedRow, VerdictRow } from '../../db/stores/verdicts.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { daysOfWindow } from '../../domain/review/verdict.js'
import type { TimeZone } from '../../domain/shop-day.js'
import { anomalyIdOf, type AnomalyKey } from '../../schemas/rest/anomaly-id.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { VerdictDocument } from '../../schemas/rest/verdicts.js'
import { ProblemError } from '../problem-error.js'
import { changeBy, requireMatch, type Handlers } from './router.js'
import { tagOf } from './send-reply.js'

export interface VerdictStore {
  readonly read: (of: JudgedAnomaly) => Promise<JudgedRow | undefined>
  readonly give: (
    of: JudgedAnomaly,
    given: Pick<VerdictRow, 'verdict' | 'comment'>,
    check: (current: JudgedRow) => void,
    by: ChangeBy,
  ) => Promise<JudgedRow | undefined>
}

/** `/anomalies/{id}/verdict`. A verdict says which one it follows, so that two people do not overwrite each other. */
export const createVerdictHandlers = (
  verdicts: VerdictStore,
  timeZone: TimeZone,
): Pick<Handlers<Operations>, 'getVerdict' | 'giveVerdict'> => ({
  async getVerdict({ params }) {
    return { body: documentOf(timeZone, params.id, found(await verdicts.read(params.id))) }
  },

  async giveVerdict({ params, body }, context) {
    const check = (current: JudgedRow) =>
      requireMatch(context, tagOf({ body: documentOf(timeZone, params.id, current) }))
    const document = documentOf(
      timeZone,
      params.id,
      found(await verdicts.give(params.id, body, check, changeBy(context))),
    )
    return { body: document, headers: { etag: tagOf({ body: document }) } }
  },
})

function found(row: JudgedRow | undefined): JudgedRow {
  if (row === undefined) throw new ProblemError('ANOMALY_NOT_FOUND', 'no anomaly has this id')
  return row
}

const NOTHING_SAID: VerdictDocument['history'][number] = {
  ...{ version: 0, verdict: 'undecided', comment: '', author: null, author_name: null, decided_ts: null },
}

function documentOf(timeZone: TimeZone, key: AnomalyKey, { windowEnd, verdicts }: JudgedRow): VerdictDocument {
  const history: VerdictDocument['history'] = verdicts.map(sayingOf)
  return {
    anomaly_id: anomalyIdOf(key),
    ...(history[0] ?? NOTHING_SAID),
    affected_days: daysOfWindow(timeZone, key.windowStart.getTime(), windowEnd.getTime()),
    history,
  }
}

const sayingOf = ({ version, verdict, comment, author, authorName, decidedTs }: VerdictRow) => ({
  ...{ version, verdict, comment, author, author_name: authorName },
  decided_ts: decidedTs.toISOString(),
})
