import { observeLimit } from '../platform/limits.js'
import { Counter, type Registry } from '../platform/metrics.js'

/** The JSON that an address was answered with. */
export interface GoodAnswer {
  readonly text: string
  readonly etag: string
  /** When its content was read. */
  readonly readMs: number
}

export interface LastGoodSettings {
  /** Of all texts and addresses together; 0 keeps nothing. */
  readonly maxBytes: number
  /** Older ones are given to nobody. */
  readonly maxAgeMs: number
}

/**
 * Keeps what was answered last to each key and address, for callers who would rather have that than nothing while the
 * database is away. When it is full the one that was asked for longest ago goes.
 */
export class LastGoodAnswers {
  readonly #settings: LastGoodSettings
  readonly #nowMs: () => number
  readonly #kept = new Map<string, GoodAnswer & { readonly bytes: number }>()
  readonly #given: Counter
  #bytes = 0

  constructor(settings: LastGoodSettings, nowMs: () => number, registry: Registry) {
    this.#settings = settings
    this.#nowMs = nowMs
    this.#given = new Counter({
      name: 'guardian_stale_answers_total',
      help: 'Requests that were answered with the last good answer, because what it is read from did not answer',
      registers: [registry],
    })
    observeLimit(registry, 'API_LAST_GOOD_BYTES', { max: settings.maxBytes, used: () => this.#bytes })
  }

  keep(name: string, answer: GoodAnswer): void {
    this.#remove(name)
    const bytes = Buffer.byteLength(answer.text) + name.length
    if (bytes > this.#settings.maxBytes) return
    this.#kept.set(name, { ...answer, bytes })
    this.#bytes += bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#settings.maxBytes) break
      this.#remove(oldest)
    }
  }

  /** Counts what it finds as given. @param maxAgeMs as far as the caller goes; this process may go less far */
  find(name: string, maxAgeMs: number): { readonly answer: GoodAnswer; readonly ageSeconds: number } | undefined {
    const answer = this.#kept.get(name)
    if (answer === undefined) return undefined
    const ageMs = Math.max(0, this.#nowMs() - answer.readMs)
    if (ageMs > Math.min(maxAgeMs, this.#settings.maxAgeMs)) return undefined
    this.#given.inc()
    return { answer, ageSeconds: Math.floor(ageMs / 1_000) }
  }

  #remove(name: string): void {
    const kept = this.#kept.get(name)
    if (kept === undefined) return
    this.#kept.delete(name)
    this.#bytes -= kept.bytes
  }
}

const DIRECTIVE = /^(stale-if-error|max-stale)(?:\s*=\s*"?(\d{1,9})"?)?$/i

/**
 * How old an answer may be that a caller takes when there is none that is fresh: `stale-if-error=<seconds>` (RFC 5861) or
 * `max-stale[=<seconds>]` (RFC 9111).
 * @param cacheControl the request's header
 * @returns milliseconds, without end for a `max-stale` that says no more; undefined when only a fresh one will do
 */
export function acceptedAgeMs(cacheControl: string | undefined): number | undefined {
  for (const part of cacheControl?.split(',') ?? []) {
    const [, name, seconds] = DIRECTIVE.exec(part.trim()) ?? []
    if (seconds !== undefined) return Number(seconds) * 1_000
    if (name?.toLowerCase() === 'max-stale') return Number.POSITIVE_INFINITY
  }
  return undefined
}
