/** What a request is for: a page that somebody looks at, a file that belongs to a page, or data that a program asks for. */
export const REQUEST_CLASSES = ['page', 'asset', 'api'] as const
export type RequestClass = (typeof REQUEST_CLASSES)[number]

/** The classes that are not counted unless they are asked for: reasons to skip a line. */
export const SKIPPED_CLASSES = ['asset', 'api'] as const satisfies readonly RequestClass[]
export type SkippedClass = (typeof SKIPPED_CLASSES)[number]

/**
 * How a rule's value is compared with a request, in upper and lower case as written, except `extension`:
 * - `prefix`, `suffix`, `contains`: with the path;
 * - `segment`: with whole segments of the path, one or several (`cart.js`, `wp-admin/admin-ajax.php`);
 * - `extension`: with what follows the last dot of the last segment, in any case;
 * - `query-parameter`: with a parameter's name (`_rsc`), or with name and value (`service=WMTS`).
 *
 * There are no regular expressions: clients choose paths, and a pattern that backtracks would let them choose how long
 * a line takes.
 */
export const RULE_MATCHES = ['prefix', 'suffix', 'contains', 'segment', 'extension', 'query-parameter'] as const
export type RuleMatch = (typeof RULE_MATCHES)[number]

export interface PageRule {
  readonly match: RuleMatch
  readonly value: string
  readonly class: RequestClass
}

interface Candidate {
  readonly value: string
  /** Place in the list of rules: the lowest decides. */
  readonly order: number
}
/** Candidates by the code of a character that they have in a known place. */
type Buckets = (readonly Candidate[] | undefined)[]

const NONE = 0x3fffffff
const SLASH = 0x2f
const SEMICOLON = 0x3b
const AMPERSAND = 0x26
const EQUALS = 0x3d
/** Extensions of up to this many letters and digits are one small integer each, so that no string is made. */
const PACKED_LETTERS = 5

/** Tells pages, assets and API calls apart by rules, of which the first that matches decides. Holds no state. */
export class PageRules {
  readonly #classes: readonly RequestClass[]
  readonly #prefixes: Buckets
  readonly #suffixes: Buckets
  readonly #segments: Buckets
  readonly #parameters: Buckets
  /** Those that begin with a slash are looked for where the path has one. */
  readonly #containedFromSlash: Buckets
  readonly #contained: readonly Candidate[]
  readonly #extensions = new Map<number, number>()
  readonly #longExtensions = new Map<string, number>()

  /** @param rules as `parsePageRules` and `rulesOfPresets` give them; the first that matches decides */
  constructor(rules: readonly PageRule[]) {
    this.#classes = rules.map((rule) => rule.class)
    const candidates = (match: RuleMatch): Candidate[] =>
      rules.flatMap((rule, order) => (rule.match === match ? [{ value: rule.value, order }] : []))
    this.#prefixes = inBuckets(candidates('prefix'), (value) => value.charCodeAt(1))
    this.#suffixes = inBuckets(candidates('suffix'), (value) => value.charCodeAt(value.length - 1))
    this.#segments = inBuckets(candidates('segment'), (value) => value.charCodeAt(0))
    this.#parameters = inBuckets(candidates('query-parameter'), (value) => value.charCodeAt(0))
    const contained = candidates('contains')
    const isFromSlash = ({ value }: Candidate): boolean => value.startsWith('/')
    this.#containedFromSlash = inBuckets(contained.filter(isFromSlash), (value) => value.charCodeAt(1))
    this.#contained = contained.filter((candidate) => !isFromSlash(candidate))
    for (const { value, order } of candidates('extension').reverse()) {
      const packed = packExtension(value, 0, value.length)
      if (packed > 0) this.#extensions.set(packed, order)
      else this.#longExtensions.set(value.toLowerCase(), order)
    }
  }

  /**
   * @param method a request by another method than GET, HEAD and POST is an API call: browsers visit pages by these
   * @param path of the request, without query, as requested or canonical
   * @param query without `?`; null or empty if there is none
   * @param status of the response; 101 (a WebSocket) is an API call
   */
  classOf(method: string, path: string, query: string | null, status?: number): RequestClass {
    if ((method !== 'GET' && method !== 'HEAD' && method !== 'POST') || status === 101) return 'api'
    let order = this.#byPath(path)
    if (query !== null && query !== '') order = Math.min(order, this.#byQuery(query))
    return order === NONE ? 'page' : (this.#classes[order] ?? 'page')
  }

  #byPath(path: string): number {
    let order = NONE
    let lastSlash = -1
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      lastSlash = at
      const next = path.charCodeAt(at + 1) | 0
      const segments = this.#segments[next]
      if (segments) order = Math.min(order, firstSegment(segments, path, at + 1))
      for (const { value, order: place } of this.#containedFromSlash[next] ?? [])
        if (place < order && path.startsWith(value, at)) order = place
    }
    for (const { value, order: place } of this.#prefixes[path.charCodeAt(1) | 0] ?? [])
      if (place < order && path.startsWith(value)) order = place
    // `/app.js;v=3`: parameters of the last segment are no part of its name.
    const semicolon = path.indexOf(';', lastSlash + 1)
    const end = semicolon < 0 ? path.length : semicolon
    for (const { value, order: place } of this.#suffixes[path.charCodeAt(end - 1) | 0] ?? [])
      if (place < order && path.endsWith(value, end)) order = place
    for (const { value, order: place } of this.#contained) if (place < order && path.includes(value)) order = place
    const dot = path.lastIndexOf('.', end - 1)
    return dot > lastSlash ? Math.min(order, this.#byExtension(path, dot + 1, end)) : order
  }

  #byExtension(path: string, from: number, end: number): number {
    const packed = packExtension(path, from, end)
    if (packed > 0) return this.#extensions.get(packed) ?? NONE
    if (packed === 0 || this.#longExtensions.size === 0) return NONE
    return this.#longExtensions.get(path.slice(from, end).toLowerCase()) ?? NONE
  }

  #byQuery(query: string): number {
    let order = NONE
    for (let from = 0; ;) {
      for (const { value, order: place } of this.#parameters[query.charCodeAt(from) | 0] ?? [])
        if (place < order && isParameter(query, from, value)) order = place
      const ampersand = query.indexOf('&', from)
      if (ampersand < 0) return order
      from = ampersand + 1
    }
  }
}

function inBuckets(candidates: readonly Candidate[], codeOf: (value: string) => number): Buckets {
  const buckets = Array.from<Candidate[] | undefined>({ length: 128 })
  for (const candidate of candidates) (buckets[codeOf(candidate.value)] ??= []).push(candidate)
  return buckets
}

function firstSegment(candidates: readonly Candidate[], path: string, from: number): number {
  for (const { value, order } of candidates) {
    const after = from + value.length
    if (!path.startsWith(value, from)) continue
    const next = path.charCodeAt(after)
    if (after === path.length || next === SLASH || next === SEMICOLON) return order
  }
  return NONE
}

function isParameter(query: string, from: number, value: string): boolean {
  if (!query.startsWith(value, from)) return false
  const after = from + value.length
  const next = query.charCodeAt(after)
  return after === query.length || next === AMPERSAND || (next === EQUALS && !value.includes('='))
}

/** Six bits a character. @returns 0 for what is no extension, -1 for a longer one */
function packExtension(text: string, from: number, end: number): number {
  if (end - from > PACKED_LETTERS) return -1
  let packed = 0
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    const letter = code | 0x20
    if (letter >= 0x61 && letter <= 0x7a) packed = (packed << 6) | (letter - 0x60)
    else if (code >= 0x30 && code <= 0x39) packed = (packed << 6) | (code - 0x30 + 27)
    else return 0
  }
  return packed
}
