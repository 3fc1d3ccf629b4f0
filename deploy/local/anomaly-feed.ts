import { setTimeout as sleep } from 'node:timers/promises'

/** What the feed reads of an anomaly; the API answers with more. */
interface SeenAnomaly {
  readonly session_id: string
  readonly rule_id: string
  readonly window_start: string
  readonly event_count: number
  readonly status: string
  readonly detected_ts: string
}

export interface FeedOptions {
  readonly apiUrl: string
  readonly adminKey: string
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  /** When the start began. */
  readonly since: Date
}

const POLL_MS = 1_000
const FIRST_SHOWN = 3
const REMEMBERED = 1_000

/**
 * Prints the first anomalies that were found since the start, as the API shows them, then at most one line a second about
 * new ones, until aborted.
 */
export async function printAnomalies(options: FeedOptions): Promise<void> {
  const seen = new Set<string>()
  while (!options.signal.aborted) {
    const found = await readNewest(options)
    const fresh = found.filter((anomaly) => new Date(anomaly.detected_ts) >= options.since && !seen.has(keyOf(anomaly)))
    if (seen.size === 0 && fresh.length > 0) {
      options.say(`first anomaly ${((Date.now() - options.since.getTime()) / 1_000).toFixed(1)} s after the start:`)
      for (const anomaly of fresh.slice(0, FIRST_SHOWN)) options.say(describe(anomaly))
    } else if (fresh[0] !== undefined) {
      options.say(describe(fresh[0]) + (fresh.length > 1 ? ` (and ${fresh.length - 1} more)` : ''))
    }
    for (const anomaly of fresh) seen.add(keyOf(anomaly))
    for (const key of seen) if (seen.size > REMEMBERED) seen.delete(key)
    await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined)
  }
}

/** Prints the newest anomalies of a topic. */
export async function showNewest(options: Omit<FeedOptions, 'since'>, topic: string): Promise<void> {
  for (const anomaly of await readNewest(options, topic)) options.say(describe(anomaly))
}

const keyOf = ({ session_id, rule_id, window_start }: SeenAnomaly): string => `${session_id} ${rule_id} ${window_start}`

const describe = ({ rule_id, session_id, event_count, window_start, status }: SeenAnomaly): string =>
  `  ${rule_id}  session ${session_id}  ${event_count} events in the window from ${window_start.slice(11, 19)}  (${status})`

/** While the API is away it has no news; its supervisor says why. */
async function readNewest(
  { apiUrl, adminKey, signal }: Omit<FeedOptions, 'since'>,
  topic?: string,
): Promise<readonly SeenAnomaly[]> {
  try {
    const response = await fetch(`${apiUrl}/anomalies?limit=5${topic === undefined ? '' : `&topic=${topic}`}`, {
      headers: { authorization: `Bearer ${adminKey}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    })
    if (!response.ok) return []
    const { data } = (await response.json()) as { data?: SeenAnomaly[] }
    return data ?? []
  } catch (error) {
    if (error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError) return []
    throw error
  }
}
