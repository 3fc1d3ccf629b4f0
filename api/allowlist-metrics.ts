import type { AllowlistState } from '../db/read-models/allowlist-state.js'
import type { Logger } from '../platform/logger.js'
import { Gauge, type Registry } from '../platform/metrics.js'
import { withDeadline } from '../platform/resilience/deadline.js'
import { cachedFor } from './cached-for.js'

/** An entry that ends within a day is to be looked at: what it covers is acted on again. */
export const ENDING_SOON_MS = 86_400_000
const KEPT_MS = 60_000
/** A scrape waits no longer: without an answer these metrics are left out, and all others are there. */
const DEADLINE_MS = 2_000

interface MetricsDeps {
  readonly registry: Registry
  /** Asks the database; at most once a minute. */
  readonly read: () => Promise<AllowlistState[]>
  /** @default a clock that never goes back */
  readonly clockMs?: () => number
  readonly log: Logger
}

/** What each kind of the allowlist keeps from being acted on, and how many entries there are. */
export function observeAllowlist({ registry, read, clockMs, log }: MetricsDeps): void {
  const kept = cachedFor(KEPT_MS, read, clockMs)
  const states = () =>
    withDeadline(kept, DEADLINE_MS).catch((err: unknown) => {
      log.warn({ err }, 'allowlist_not_counted')
      return []
    })
  new Gauge({
    name: 'guardian_allowlist_entries',
    help: 'Entries of the allowlist that are in force, and those of them that end within a day',
    labelNames: ['kind', 'state'],
    registers: [registry],
    async collect() {
      const found = await states()
      this.reset()
      for (const { kind, inForce, endingSoon } of found) {
        this.set({ kind, state: 'in_force' }, inForce)
        this.set({ kind, state: 'ending_soon' }, endingSoon)
      }
    },
  })
  const suppressed = (name: string, help: string, of: (state: AllowlistState) => number) =>
    new Gauge({
      name,
      help: `${help} that the allowlist keeps from being acted on: windows of the last day, the newest 10,000 of them`,
      labelNames: ['kind'],
      registers: [registry],
      async collect() {
        const found = await states()
        this.reset()
        for (const state of found) this.set({ kind: state.kind }, of(state))
      },
    })
  suppressed('guardian_allowlist_suppressed_anomalies', 'Anomalies', ({ anomalies }) => anomalies)
  suppressed('guardian_allowlist_suppressed_events', 'Events of anomalies', ({ events }) => events)
}
