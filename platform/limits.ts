import type { VariableName } from './config.js'
import { Gauge, type Registry } from './metrics.js'

interface Limit {
  readonly max: number
  /** Undefined, or a failure, when nobody can tell: it is left out then. */
  readonly used: () => number | undefined | Promise<number | undefined>
}

const limitsOf = new WeakMap<Registry, Map<string, Limit>>()

/**
 * Shows how much of a limit is used, and the limit beside it: one rule of alerting, used above 80 % of max, holds for all.
 * @param name the variable that sets it
 */
export function observeLimit(registry: Registry, name: VariableName, limit: Limit): void {
  const limits = limitsOf.get(registry) ?? createGauges(registry)
  limits.set(name, limit)
}

function createGauges(registry: Registry): Map<string, Limit> {
  const limits = new Map<string, Limit>()
  limitsOf.set(registry, limits)
  new Gauge({
    name: 'guardian_limit_max',
    help: 'How much there may be of what a variable bounds',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      for (const [limit, { max }] of limits) this.set({ limit }, max)
    },
  })
  new Gauge({
    name: 'guardian_limit_used',
    help: 'How much there is of what a variable bounds: guardian_limit_max at most',
    labelNames: ['limit'],
    registers: [registry],
    async collect() {
      const found = await Promise.all(
        [...limits].map(
          async ([limit, { used }]) => [limit, await Promise.resolve().then(used).catch(unknown)] as const,
        ),
      )
      this.reset()
      for (const [limit, used] of found) if (used !== undefined) this.set({ limit }, used)
    },
  })
  return limits
}

const unknown = () => undefined
