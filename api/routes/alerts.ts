import { randomUUID } from 'node:crypto'
import type { AlertFilter, AlertRow, DeliveryRow } from '../../db/read-models/alerts.js'
import type { SilenceRow } from '../../db/stores/alert-silences.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { checkSilence } from '../../domain/alerting/silence.js'
import type { Alert, AlertDetails, Silence } from '../../schemas/rest/alerts.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { ProblemError, refuseBadInput } from '../problem-error.js'
import { pageOf } from './page.js'
import { changeBy, type Handlers } from './router.js'

export interface AlertReader {
  readonly list: (filter: AlertFilter) => Promise<AlertRow[]>
  readonly get: (alertId: string) => Promise<{ alert: AlertRow; deliveries: readonly DeliveryRow[] } | undefined>
}

export interface SilenceStore {
  readonly list: (page: {
    readonly endsAfter?: Date | undefined
    readonly limit: number
    readonly after?: string | undefined
  }) => Promise<SilenceRow[]>
  readonly create: (silence: Omit<SilenceRow, 'createdBy' | 'createdTs'>, by: ChangeBy) => Promise<SilenceRow>
  readonly end: (silenceId: string, now: Date, by: ChangeBy) => Promise<SilenceRow | undefined>
}

export interface AlertDeps {
  readonly alerts: AlertReader
  readonly silences: SilenceStore
  /** How long a silence may be. */
  readonly silenceMaxMs: number
  readonly nowMs: () => number
}

type AlertOperation = 'listAlerts' | 'getAlert' | 'listSilences' | 'createSilence' | 'endSilence'

/** `/alerts` and `/silences`. */
export const createAlertHandlers = (deps: AlertDeps): Pick<Handlers<Operations>, AlertOperation> => ({
  async listAlerts({ query: { limit, cursor, suppressed_by_id: suppressedById, ...same } }) {
    const rows = await deps.alerts.list({ ...same, suppressedById, limit, after: cursor })
    return { body: pageOf(rows, limit, alertOf, ({ id }) => id) }
  },

  async getAlert({ params }) {
    const found = await deps.alerts.get(params.id)
    if (found === undefined) throw new ProblemError('ALERT_NOT_FOUND', 'no alert has this id')
    const deliveries = found.deliveries.map((one) => ({
      ...{ channel: one.channel, state: one.state, attempts: one.attempts, unknown_attempts: one.unknownAttempts },
      ...{ last_fault: one.lastFault, ended_ts: one.endedTs?.toISOString() ?? null },
    }))
    return { body: { ...alertOf(found.alert), deliveries } satisfies AlertDetails }
  },

  async listSilences({ query: { limit, cursor, ended } }) {
    const endsAfter = ended === 'true' ? undefined : new Date(deps.nowMs())
    const rows = await deps.silences.list({ endsAfter, limit, after: cursor })
    return { body: pageOf(rows, limit, silenceOf, ({ id }) => id) }
  },

  async createSilence({ body }, context) {
    const nowMs = deps.nowMs()
    const { kind, matcher, up_to: upTo, starts_ts: startsTs = new Date(nowMs), ends_ts: endsTs, reason } = body
    refuseBadInput(() =>
      checkSilence(
        { kind, matcher, upTo, startsMs: startsTs.getTime(), endsMs: endsTs.getTime(), reason },
        nowMs,
        deps.silenceMaxMs,
      ),
    )
    const silence = { silenceId: randomUUID(), kind, matcher, upTo, startsTs, endsTs, reason }
    return { status: 201, body: silenceOf(await deps.silences.create(silence, changeBy(context))) }
  },

  async endSilence({ params }, context) {
    const row = await deps.silences.end(params.id, new Date(deps.nowMs()), changeBy(context))
    if (row === undefined) throw new ProblemError('SILENCE_NOT_FOUND', 'no silence has this id')
    return { body: silenceOf(row) }
  },
})

const alertOf = (row: AlertRow): Alert => ({
  id: row.alertId,
  fingerprint: row.fingerprint,
  source: row.source,
  cause: row.cause,
  summary: row.summary,
  sample: row.sample,
  first_step: row.firstStep,
  kind: row.kind,
  severity: row.severity,
  outcome: row.outcome,
  suppressed_by: row.suppressedBy,
  suppressed_by_id: row.suppressedById,
  incident_id: row.incidentId,
  decided_ts: row.decidedTs.toISOString(),
  count: row.eventCount,
  swallowed_alerts: row.swallowedAlerts,
  swallowed_count: row.swallowedCount,
  figures: row.figures,
  links: [...row.links],
})

const silenceOf = (row: SilenceRow): Silence => ({
  id: row.silenceId,
  kind: row.kind,
  matcher: row.matcher,
  up_to: row.upTo,
  starts_ts: row.startsTs.toISOString(),
  ends_ts: row.endsTs.toISOString(),
  reason: row.reason,
  created_by: row.createdBy,
  created_ts: row.createdTs.toISOString(),
})
