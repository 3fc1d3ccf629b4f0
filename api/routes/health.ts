import type { ChannelRow } from '../../db/read-models/alerts.js'
import type { ProcessState } from '../../platform/process-states.js'
import { CRASHES_DEGRADED, type Health, type Readiness } from '../../schemas/rest/health.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { withDeadline } from '../../platform/resilience/deadline.js'
import { cachedFor } from '../cached-for.js'
import type { CheckDependencies } from '../dependency-probes.js'
import type { Handlers } from './router.js'

export interface HealthDeps {
  readonly checkDependencies: CheckDependencies
  /** What the orchestrator said about the channels of alerts. */
  readonly readChannels: () => Promise<readonly ChannelRow[]>
  /** Which processes have crashed lately, as their supervisor says. */
  readonly readProcesses: () => readonly ProcessState[]
  readonly version: string
  /** Of the process, in seconds. */
  readonly uptimeSeconds: () => number
  /** Whether the process has been told to end: it answers what it has, and wants nothing new. */
  readonly isStopping: () => boolean
}

/** Nobody needs a key for these, and nobody waits for a place: a storm of them costs one question, and each is answered soon. */
const CHANNELS_KEPT_MS = 1_000
const CHANNELS_DEADLINE_MS = 800

/** `GET /health`, `/livez`, `/readyz`. */
export function createHealthHandlers(
  deps: HealthDeps,
): Pick<Handlers<Operations>, 'getHealth' | 'getLiveness' | 'getReadiness'> {
  const { checkDependencies, version, uptimeSeconds, isStopping } = deps
  const readChannels = cachedFor(CHANNELS_KEPT_MS, deps.readChannels)
  const readProcesses = cachedFor(CHANNELS_KEPT_MS, () => Promise.resolve().then(deps.readProcesses))
  const channelsInTime = () => withDeadline(readChannels, CHANNELS_DEADLINE_MS).catch(() => [])
  return {
    async getHealth() {
      const [dependencies, channels, crashed] = await Promise.all([
        checkDependencies(),
        channelsInTime(),
        readProcesses().catch(() => []),
      ])
      const isWell =
        dependencies.every((dependency) => dependency.status === 'up') &&
        crashed.every(({ status, crashes }) => status === 'running' && crashes < CRASHES_DEGRADED)
      const processes = crashed.map(({ name, status, crashes, since_ts, last_crash_ts }) => ({
        ...{ name, status, crashes, since_ts, last_crash_ts }, // the cause is in the supervisor's log: this is for everybody
      }))
      const alert_channels = channels.map(({ channel, isConfigured, circuit, owed }) => ({
        ...{ channel, owed, circuit: isConfigured ? circuit : null },
        status: isConfigured ? ('on' as const) : ('off' as const),
      }))
      return {
        body: {
          status: isWell ? 'ok' : 'degraded',
          ...{ version, uptime_seconds: uptimeSeconds(), dependencies, processes, alert_channels },
        } satisfies Health,
      }
    },

    getLiveness: () => ({ body: { status: 'alive' } }),

    async getReadiness() {
      const dependencies = await checkDependencies()
      const isReady = !isStopping() && dependencies.every(({ status, required }) => status === 'up' || !required)
      const body: Readiness = { status: isReady ? 'ready' : 'not_ready', dependencies }
      return { status: isReady ? 200 : 503, body }
    },
  }
}
