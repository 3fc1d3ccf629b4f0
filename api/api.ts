import type { Express } from 'express'
import type { Operations } from '../schemas/rest/operations.js'
import type { TimeZone } from '../domain/shop-day.js'
import { createApp, type AppDeps } from './app.js'
import { createAlertHandlers, type AlertDeps } from './routes/alerts.js'
import { createAllowlistHandlers, type AllowlistDeps } from './routes/allowlist.js'
import { createAnomalyHandlers } from './routes/anomalies.js'
import { createAuditHandlers, type AuditDeps } from './routes/audit.js'
import { createBackTestHandlers, type BackTestDeps } from './routes/backtests.js'
import { createDeadLetterHandlers, type DeadLetterDeps } from './routes/dead-letters.js'
import { createDocumentationHandlers } from './routes/documentation.js'
import { createFigureHandlers, type FigureReader } from './routes/figures.js'
import { createCollectorHandlers, type CollectorDeps } from './routes/events.js'
import { createHealthHandlers, type HealthDeps } from './routes/health.js'
import { createJobHandlers, type JobDeps } from './routes/jobs.js'
import { createKeyHandlers, type KeyDeps } from './routes/keys.js'
import { createQuarantineHandlers, type QuarantineStore } from './routes/quarantine.js'
import { createReconciliationHandlers, type ReconciliationReader } from './routes/reconciliations.js'
import { createRuleHandlers, type RuleStore } from './routes/rules.js'
import { createSessionHandlers, type SessionDeps } from './routes/session.js'
import { createSessionReaderHandlers, type SessionReaderDeps } from './routes/sessions.js'
import { createSloHandlers, type SloDeps } from './routes/slo.js'
import { createStatsHandlers, type StatsDeps } from './routes/stats.js'
import { createStreamHandlers } from './routes/stream.js'
import type { AnomalyStream } from './live/anomaly-stream.js'
import { createUserHandlers, type UserDeps } from './routes/users.js'
import { createVerdictHandlers, type VerdictStore } from './routes/verdicts.js'

/** All that the API asks of the outside; `main` gives the real ones. */
export interface ApiDeps
  extends
    AppDeps,
    HealthDeps,
    StatsDeps,
    UserDeps,
    KeyDeps,
    SessionDeps,
    AlertDeps,
    AuditDeps,
    SloDeps,
    BackTestDeps,
    AllowlistDeps,
    SessionReaderDeps,
    DeadLetterDeps,
    JobDeps {
  readonly collector: Omit<CollectorDeps, 'registry' | 'nowMs'>
  readonly rules: RuleStore
  readonly figures: FigureReader
  readonly quarantine: QuarantineStore
  readonly reconciliations: ReconciliationReader
  readonly verdicts: VerdictStore
  /** Of the shop's days. */
  readonly timeZone: TimeZone
  readonly anomalyStream: Pick<AnomalyStream, 'open'>
}

/** The whole API: every operation with its handler. */
export const createApi = (operations: Operations, deps: ApiDeps): Express =>
  createApp(
    operations,
    {
      ...createDocumentationHandlers(operations, deps.version),
      ...createHealthHandlers(deps),
      ...createStatsHandlers(deps),
      ...createAnomalyHandlers(deps.anomalies),
      ...createAlertHandlers(deps),
      ...createUserHandlers(deps),
      ...createKeyHandlers(deps),
      ...createSessionHandlers(deps),
      ...createAuditHandlers(deps),
      ...createRuleHandlers(deps.rules),
      ...createBackTestHandlers(deps),
      ...createFigureHandlers(deps.figures),
      ...createQuarantineHandlers(deps.quarantine),
      ...createReconciliationHandlers(deps.reconciliations),
      ...createSloHandlers(deps),
      ...createAllowlistHandlers(deps),
      ...createSessionReaderHandlers(deps),
      ...createStreamHandlers(deps.anomalyStream),
      ...createJobHandlers(deps),
      ...createDeadLetterHandlers(deps),
      ...createVerdictHandlers(deps.verdicts, deps.timeZone),
      ...createCollectorHandlers({ ...deps.collector, registry: deps.registry, nowMs: deps.nowMs }),
    },
    deps,
  )
