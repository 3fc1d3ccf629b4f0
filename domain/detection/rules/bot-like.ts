import { MAX_WINDOW_MS, PANE_MS } from '../../windowing/pane.js'
import type { RuleKind } from '../rule.js'

/** Many events on few different items: a bot that watches a price, or fills one cart again and again. */
export const botLike: RuleKind = {
  kind: 'BOT_LIKE',
  parameters: ['windowMs', 'slideMs', 'minEvents', 'maxDistinctItems'],
  condition: (read) => {
    const maxDistinctItems = read('maxDistinctItems', 0, 1_000_000)
    return {
      windowMs: read('windowMs', PANE_MS, MAX_WINDOW_MS),
      slideMs: read('slideMs', PANE_MS, MAX_WINDOW_MS),
      minEvents: read('minEvents', 1, 1_000_000_000),
      maxDistinct: () => maxDistinctItems,
    }
  },
}
