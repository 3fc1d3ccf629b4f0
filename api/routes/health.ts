import type { Health, Readiness } from '../../schemas/rest/health.js'
import type { Operations } from '../../schemas/rest/operations.js'
import type { CheckDependencies } from '../dependency-probes.js'
import type { Handlers } from './router.js'

export interface HealthDeps {
  readonly checkDependencies: CheckDependencies
  readonly version: string
  /** Of the process, in seconds. */
  readonly uptimeSeconds: () => number
  /** Whether the process has been told to end: it answers what it has, and wants nothing new. */
  readonly isStopping: () => boolean
}

/** `GET /health`, `/livez`, `/readyz`. */
export const createHealthHandlers = ({
  checkDependencies,
  version,
  uptimeSeconds,
  isStopping,
}: HealthDeps): Pick<Handlers<Operations>, 'getHealth' | 'getLiveness' | 'getReadiness'> => ({
  async getHealth() {
    const dependencies = await checkDependencies()
    const status = dependencies.every((dependency) => dependency.status === 'up') ? 'ok' : 'degraded'
    return { body: { status, version, uptime_seconds: uptimeSeconds(), dependencies } satisfies Health }
  },

  getLiveness: () => ({ body: { status: 'alive' } }),

  async getReadiness() {
    const dependencies = await checkDependencies()
    const isReady = !isStopping() && dependencies.every(({ status, required }) => status === 'up' || !required)
    const body: Readiness = { status: isReady ? 'ready' : 'not_ready', dependencies }
    return { status: isReady ? 200 : 503, body }
  },
})
