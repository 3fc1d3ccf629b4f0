import type { LogReadingOptions } from '../../cli/ingest/log-reading.js'
import { CANONICAL_ITEM_DEFAULTS } from '../../domain/web-log/canonical-item.js'
import { UTC } from '../../domain/web-log/log-time.js'
import { rulesOfPresets } from '../../domain/web-log/page-presets.js'
import { PageRules } from '../../domain/web-log/page-rules.js'

export const READING_NOW_MS = Date.UTC(2026, 0, 1)

/** Reading as the commands do it unless they are told otherwise. */
export const readingOptions = (changes: Partial<LogReadingOptions> = {}): LogReadingOptions => ({
  includeAssets: false,
  includeApi: false,
  pages: new PageRules(rulesOfPresets(['default'])),
  items: CANONICAL_ITEM_DEFAULTS,
  clientFrom: { kind: 'peer' },
  zone: UTC,
  reorderMs: 120_000,
  now: () => READING_NOW_MS,
  onRejected: () => undefined,
  onClick: () => undefined,
  ...changes,
})
