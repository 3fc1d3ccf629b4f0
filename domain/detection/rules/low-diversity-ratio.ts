import { MAX_WINDOW_MS, PANE_MS } from '../../windowing/pane.js'
import type { RuleKind } from '../rule.js'

/** A share of two decimals is no exact binary number: what is lost by it must not cost a whole item. */
const ROUNDING = 1 + 4 * Number.EPSILON

/**
 * Few different items for how many events there are: a bot that paces itself below the other rules, and one that is too
 * busy for a fixed number of items.
 */
export const lowDiversityRatio: RuleKind = {
  kind: 'LOW_DIVERSITY_RATIO',
  parameters: ['windowMs', 'slideMs', 'minEvents', 'maxDistinctRatio'],
  condition: (read) => {
    const ratio = read('maxDistinctRatio', 0, 1)
    return {
      windowMs: read('windowMs', PANE_MS, MAX_WINDOW_MS),
      slideMs: read('slideMs', PANE_MS, MAX_WINDOW_MS),
      minEvents: read('minEvents', 1, 1_000_000_000),
      maxDistinct: (events) => Math.floor(ratio * events * ROUNDING),
    }
  },
}
