import type { DependencyHealth } from '../schemas/rest/health.js'
import { cachedFor } from './cached-for.js'

export interface Probe {
  readonly name: 'postgres' | 'kafka' | 'temporal' | 'registry'
  /** Whether requests fail without it. */
  readonly required: boolean
  /** Settles when the dependency has answered. @throws anything when it is not well; `code` says why */
  readonly check: () => Promise<void>
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
): CheckDependencies {
  const checks = probes.map((probe) => {
    const single = { ...probe, check: oneAtATime(probe.check) }
    return cachedFor(settings.keptMs, nowMs, () => ask(single, settings.deadlineMs, nowMs))
  })
  return () => Promise.all(checks.map((check) => check()))
}

async function ask(
  { name, required, check }: Probe,
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
    latency_ms: Math.max(0, endedMs - startedMs),
    checked_ts: new Date(endedMs).toISOString(),
  }
}

/** A check that is slower than its deadline goes on, and is not started again beside itself. */
const oneAtATime = (check: () => Promise<void>) => cachedFor(0, () => 0, check)

class DeadlinePassed extends Error {
  readonly code = 'NO_ANSWER_IN_TIME'
}

async function withDeadline(check: () => Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlinePassed()), deadlineMs)
  })
  try {
    await Promise.race([check(), expired])
  } finally {
    clearTimeout(timer)
  }
}

/** Only a stable code is shown: messages of the inside name hosts. */
function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && /^[A-Z_]{3,64}$/.test(code) ? code : 'UNAVAILABLE'
}
