import type { Connection } from '@temporalio/client'
import { isDatabaseAway } from '../db/guarded-database.js'
import { assertMigrated } from '../db/migrate.js'
import type { Database } from '../db/pool.js'
import { monotonicMs } from '../platform/clock.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { logAdmin, withAdmin } from '../platform/kafka/admin.js'
import type { createKafka } from '../platform/kafka/client.js'
import { orKafkaAway } from '../platform/kafka/kafka-away.js'
import type { Logger } from '../platform/logger.js'
import type { Registry } from '../platform/metrics.js'
import { breakerSettings, CircuitBreaker, createBreakerMetrics } from '../platform/resilience/circuit-breaker.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import { registrySettings } from '../platform/avro/registry-connection.js'
import type { ApiConfig } from './api-config.js'
import { isTemporalAway } from './wire-temporal.js'
import type { Probe } from './dependency-probes.js'
import type { LaneSettings } from './middleware/admit.js'
import { createLagReader } from './partition-lag.js'

/** Below the second that orchestrators of containers give a probe. */
export const PROBE_DEADLINE_MS = 800
/** How long the numbers of the overview wait for Kafka before they come without lag. */
const LAG_DEADLINE_MS = 2_000

const anyError = () => true

/** The circuits to what the API depends on. */
export function createBreakers(config: ApiConfig, registry: Registry, log: Logger) {
  const context = {
    settings: breakerSettings(config),
    nowMs: monotonicMs,
    log,
    metrics: createBreakerMetrics(registry),
  }
  return {
    postgres: new CircuitBreaker('postgres', isDatabaseAway, context),
    kafka: new CircuitBreaker('kafka', anyError, context),
    temporal: new CircuitBreaker('temporal', isTemporalAway, context),
    registry: new CircuitBreaker('registry', anyError, context),
  }
}

export type Breakers = ReturnType<typeof createBreakers>

/** Asks Kafka through its circuit. What takes longer than the time given has failed. */
export const kafkaWithin =
  ({ kafka }: Pick<Breakers, 'kafka'>, timeoutMs: number) =>
  <T>(work: () => Promise<T>): Promise<T> =>
    kafka.execute(() => withDeadline(() => orKafkaAway(work), timeoutMs))

interface ProbeDeps {
  readonly db: Database
  readonly temporal: Connection
  readonly kafka: ReturnType<typeof createKafka>
  readonly breakers: Breakers
}

/**
 * How each dependency is asked whether it is there: the cheapest question that its own server must answer. It goes
 * through the circuit, so that one that nobody else asks is closed again by its probe.
 */
export function probes(config: ApiConfig, { db, temporal, kafka, breakers }: ProbeDeps): Probe[] {
  const schemas = new RegistryClient(registrySettings(config))
  const optional = (name: 'kafka' | 'temporal' | 'registry', ask: () => Promise<unknown>): Probe => ({
    name,
    required: false,
    check: async () => {
      await breakers[name].execute(() => withDeadline(ask, PROBE_DEADLINE_MS))
    },
    circuit: () => breakers[name].state,
  })
  return [
    { name: 'postgres', required: true, check: () => assertMigrated(db), circuit: () => breakers.postgres.state },
    optional('kafka', () => withAdmin(kafka, (admin) => admin.describeCluster())),
    optional('temporal', () => {
      const describe = () => temporal.workflowService.describeNamespace({ namespace: config.TEMPORAL_NAMESPACE })
      return temporal.withDeadline(Date.now() + PROBE_DEADLINE_MS, describe)
    }),
    optional('registry', () => schemas.subjects()),
  ]
}

/** Reads lags behind the circuit to Kafka. */
export const lagReader = (kafka: ReturnType<typeof createKafka>, breakers: Breakers) =>
  createLagReader(
    (work) => breakers.kafka.execute(() => withAdmin(kafka, (admin) => work(logAdmin(admin)))),
    LAG_DEADLINE_MS,
    Date.now,
  )

/** The places that each kind of request has. Reports never take more connections than they have places. */
export function laneSettings(config: ApiConfig): LaneSettings {
  const { API_MAX_WAITING: maxWaiting, API_MAX_WAIT_MS: maxWaitMs } = config
  const lane = (limit: number) => ({ limit, maxWaiting, maxWaitMs })
  return {
    interactive: lane(config.API_MAX_AT_WORK),
    reports: lane(config.API_REPORTS_AT_WORK),
    collector: lane(config.API_COLLECTOR_AT_WORK),
    // A place in the stream is not given back soon: nobody waits for one.
    stream: { limit: config.API_STREAM_CLIENTS, maxWaiting: 0, maxWaitMs },
  }
}
