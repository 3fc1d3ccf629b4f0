import type { ChannelRow } from '../../db/read-models/alerts.js'
import type { Health, Readiness } from '../../schemas/rest/health.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { CheckDependencies } from '../dependency-probes.js'
import type { Handlers } from './router.js'

export interface HealthDeps {
  readonly checkDependencies: CheckDependencies
  /** What the orchestrator said about the channels of alerts. */
  readonly readChannels: () => Promise<readonly ChannelRow[]>
  readonly version: string
  /** Of the process, in seconds. */
  readonly uptimeSeconds: () => number
  /** Whether the process has been told to end: it answers what it has, and wants nothing new. */
  readonly isStopping: () => boolean
}

/** `GET /health`, `/livez`, `/readyz`. */
export const createHealthHandlers = ({
  checkDependencies,
  readChannels,
  version,
  uptimeSeconds,
  isStopping,
}: HealthDeps): Pick<Handlers<Operations>, 'getHealth' | 'getLiveness' | 'getReadiness'> => ({
  async getHealth() {
    const [dependencies, channels] = await Promise.all([checkDependencies(), readChannels().catch(() => [])])
    const status = dependencies.every((dependency) => dependency.status === 'up') ? 'ok' : 'degraded'
    const alert_channels = channels.map(({ channel, isConfigured, circuit, owed }) => ({
      ...{ channel, owed, circuit: isConfigured ? circuit : null },
      status: isConfigured ? ('on' as const) : ('off' as const),
    }))
    return { body: { status, version, uptime_seconds: uptimeSeconds(), dependencies, alert_channels } satisfies Health }
  },

  getLiveness: () => ({ body: { status: 'alive' } }),

  async getReadiness() {
    const dependencies = await checkDependencies()
    const isReady = !isStopping() && dependencies.every(({ status, required }) => status === 'up' || !required)
    const body: Readiness = { status: isReady ? 'ready' : 'not_ready', dependencies }
    return { status: isReady ? 200 : 503, body }
  },
})
