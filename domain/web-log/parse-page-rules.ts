import { isPagePresetName, PAGE_PRESET_NAMES, type PagePresetName } from './page-presets.js'
import { REQUEST_CLASSES, RULE_MATCHES, type PageRule, type RequestClass, type RuleMatch } from './page-rules.js'

/** Of one file: each rule is compared with every line. */
export const MAX_CUSTOM_RULES = 200
export const MAX_RULE_VALUE_LENGTH = 200
const MAX_PROBLEMS = 10

export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  /** What is wrong and where, one sentence each; at most ten. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

const FORM = '{"match": "prefix", "value": "/preview/", "class": "asset"}'
const KEYS: readonly string[] = ['match', 'value', 'class']

/** What a value must look like beyond being printable ASCII, by the kind of rule. */
const VALUES: Readonly<Record<RuleMatch, { readonly pattern: RegExp; readonly wants: string }>> = {
  prefix: { pattern: /^\/[^?#]+$/, wants: 'begins with / and has at least one more character, without ? and #' },
  suffix: { pattern: /^[^?#]+$/, wants: 'is the end of a path, without ? and #' },
  contains: { pattern: /^[^?#]{2,}$/, wants: 'is a part of a path of at least 2 characters, without ? and #' },
  segment: { pattern: /^[^/?#]+(?:\/[^/?#]+)*$/, wants: 'is one or more segments of a path, without / at its ends' },
  extension: { pattern: /^[A-Za-z0-9]+$/, wants: 'is letters and digits, without the dot' },
  'query-parameter': { pattern: /^[^?#&=]+(?:=[^#&]*)?$/, wants: 'is a name, or name=value, without ? and &' },
}

/**
 * Checks rules that somebody wrote: a list of `{match, value, class}`, in the order in which they decide.
 * @param json what a JSON file has in it
 */
export function parsePageRules(json: unknown): Parsed<readonly PageRule[]> {
  if (!Array.isArray(json)) return { kind: 'invalid', problems: [`the rules are not a list: [${FORM}, …]`] }
  if (json.length > MAX_CUSTOM_RULES)
    return { kind: 'invalid', problems: [`${json.length} rules are more than ${MAX_CUSTOM_RULES}`] }
  const problems: string[] = []
  const rules = json.flatMap((entry: unknown, at) => {
    const rule = parseRule(entry)
    if (typeof rule !== 'string') return [rule]
    problems.push(`rule ${at + 1}: ${rule}`)
    return []
  })
  return problems.length > 0
    ? { kind: 'invalid', problems: problems.slice(0, MAX_PROBLEMS) }
    : { kind: 'ok', value: rules }
}

/** @returns the rule, or what is wrong with it */
function parseRule(entry: unknown): PageRule | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return `is not an object like ${FORM}`
  const unknown = Object.keys(entry).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) return `has a key ${quoted(unknown)}; a rule has match, value and class`
  const { match, value, class: as } = entry as Readonly<Record<string, unknown>>
  if (!isOneOf(RULE_MATCHES, match)) return `match is one of ${RULE_MATCHES.join(', ')}; it is ${quoted(match)}`
  if (!isOneOf(REQUEST_CLASSES, as)) return `class is one of ${REQUEST_CLASSES.join(', ')}; it is ${quoted(as)}`
  if (typeof value !== 'string' || value === '') return `value is a text; it is ${quoted(value)}`
  if (value.length > MAX_RULE_VALUE_LENGTH)
    return `value has ${value.length} characters; at most ${MAX_RULE_VALUE_LENGTH} are allowed`
  if (!/^[\x21-\x7e]+$/.test(value))
    return `value has characters that logs have only percent-encoded: write é as %C3%A9`
  const { pattern, wants } = VALUES[match]
  if (!pattern.test(value)) return `the value of a rule with match ${match} ${wants}; it is ${quoted(value)}`
  return ruleOf(match, value, as)
}

const ruleOf = (match: RuleMatch, value: string, as: RequestClass): PageRule => ({ match, value, class: as })

const isOneOf = <T extends string>(list: readonly T[], value: unknown): value is T =>
  list.some((known) => known === value)

const quoted = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60))

/** Reads names of presets with commas between them, as in `next,tiles`. */
export function parsePagePresets(text: string): Parsed<readonly PagePresetName[]> {
  const names = text.split(',').map((name) => name.trim())
  const known = names.filter(isPagePresetName)
  if (known.length === names.length) return { kind: 'ok', value: known }
  const unknown = names.filter((name) => !isPagePresetName(name)).map(quoted)
  return {
    kind: 'invalid',
    problems: [`no preset ${unknown.join(', ')}; there are ${PAGE_PRESET_NAMES.join(', ')}`],
  }
}
