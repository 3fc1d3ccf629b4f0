import type { CircuitState } from '../platform/resilience/circuit-breaker.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import type { DependencyHealth } from '../schemas/rest/health.js'
import { cachedFor } from './cached-for.js'

export interface Probe {
  readonly name: 'postgres' | 'kafka' | 'temporal' | 'registry'
  /** Whether requests fail without it. */
  readonly required: boolean
  /** Settles when the dependency has answered. @throws anything when it is not well; `code` says why */
  readonly check: () => Promise<void>
  /** Of the circuit to it, if it has one. */
  readonly circuit?: () => CircuitState
}

export interface ProbeSettings {
  /** How long one check may take. */
  readonly deadlineMs: number
  /** How long an answer is given again, so that a storm of probes costs one check. */
  readonly keptMs: number
}

export type CheckDependencies = () => Promise<DependencyHealth[]>

/** How all dependencies are, each asked at most once per `keptMs`. Never fails. */
export function createDependencyProbes(
  probes: readonly Probe[],
  settings: ProbeSettings,
  nowMs: () => number,
  clockMs?: () => number,
): CheckDependencies {
  const checks = probes.map((probe) => {
    const single = { ...probe, check: oneAtATime(probe.check) }
    return cachedFor(settings.keptMs, () => ask(single, settings.deadlineMs, nowMs), clockMs)
  })
  return () => Promise.all(checks.map((check) => check()))
}

async function ask(
  { name, required, check, circuit }: Probe,
  deadlineMs: number,
  nowMs: () => number,
): Promise<DependencyHealth> {
  const startedMs = nowMs()
  const code = await withDeadline(check, deadlineMs).then(() => null, codeOf)
  const endedMs = nowMs()
  return {
    name,
    required,
    status: code === null ? 'up' : 'down',
    code,
    ...(circuit === undefined ? {} : { circuit: circuit() }),
    latency_ms: Math.max(0, endedMs - startedMs),
    checked_ts: new Date(endedMs).toISOString(),
  }
}

/** A check that is slower than its deadline goes on, and is not started again beside itself. */
const oneAtATime = (check: () => Promise<void>) => cachedFor(0, check)

/** Only a stable code is shown: messages of the inside name hosts. */
function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && /^[A-Z_]{3,64}$/.test(code) ? code : 'UNAVAILABLE'
}
