import type { RuleKind } from './rule.js'
import { botLike } from './rules/bot-like.js'
import { highFrequency } from './rules/high-frequency.js'
import { lowDiversityRatio } from './rules/low-diversity-ratio.js'

/** Every kind of rule there is. A new one is a file in `rules/` and a name here. */
export const RULE_KINDS: ReadonlyMap<string, RuleKind> = new Map(
  [highFrequency, botLike, lowDiversityRatio].map((kind) => [kind.kind, kind]),
)
