import { MAX_WINDOW_MS, PANE_MS } from '../../windowing/pane.js'
import type { RuleKind } from '../rule.js'

/** Too many events in a short window, whatever they are about: a scraper, a load test, a stuck client. */
export const highFrequency: RuleKind = {
  kind: 'HIGH_FREQUENCY',
  parameters: ['windowMs', 'slideMs', 'minEvents'],
  condition: (read) => ({
    windowMs: read('windowMs', PANE_MS, MAX_WINDOW_MS),
    slideMs: read('slideMs', PANE_MS, MAX_WINDOW_MS),
    minEvents: read('minEvents', 1, 1_000_000_000),
    maxDistinct: () => Number.POSITIVE_INFINITY,
  }),
}
