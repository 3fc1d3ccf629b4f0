import type { Evidence } from './anomaly.js'
import type { RuleInForce } from './rule.js'

/** A window that has crossed its rule's threshold and that the watermark has not passed. */
export interface OpenWindow {
  readonly rule: RuleInForce
  readonly sessionId: string
  readonly startPane: number
  readonly endPane: number
  readonly producedMs: number
  readonly kafkaMs: number
  readonly crossed: Evidence['crossed']
  /** Whether an event has come since its row was last given out. */
  changed: boolean
}

/** The open windows of one partition: by session, to find them again, and by their end, to close them in order. */
export class OpenWindows {
  readonly #bySession = new Map<string, OpenWindow[]>()
  readonly #byEnd = new Map<number, OpenWindow[]>()
  #changed: OpenWindow[] = []

  get size(): number {
    let size = 0
    for (const windows of this.#byEnd.values()) size += windows.length
    return size
  }

  of(sessionId: string): readonly OpenWindow[] | undefined {
    return this.#bySession.get(sessionId)
  }

  add(window: OpenWindow): void {
    append(this.#bySession, window.sessionId, window)
    append(this.#byEnd, window.endPane, window)
    if (window.changed) this.#changed.push(window)
  }

  markChanged(window: OpenWindow): void {
    if (window.changed) return
    window.changed = true
    this.#changed.push(window)
  }

  /** The windows with news since the last call. */
  takeChanged(): OpenWindow[] {
    const changed = this.#changed.filter((window) => window.changed)
    for (const window of changed) window.changed = false
    this.#changed = []
    return changed
  }

  /** Takes out the windows that end at or before `pane`: by end, and among those with one end as they were opened. */
  takeEnded(pane: number): OpenWindow[] {
    const ends = [...this.#byEnd.keys()].filter((end) => end <= pane).sort((a, b) => a - b)
    const allEnded = ends.flatMap((end) => {
      const ended = this.#byEnd.get(end) ?? []
      this.#byEnd.delete(end)
      for (const window of ended) {
        window.changed = false
        const left = (this.#bySession.get(window.sessionId) ?? []).filter((other) => other !== window)
        if (left.length > 0) this.#bySession.set(window.sessionId, left)
        else this.#bySession.delete(window.sessionId)
      }
      return ended
    })
    if (allEnded.length > 0) this.#changed = this.#changed.filter((window) => window.changed)
    return allEnded
  }

  *all(): Iterable<OpenWindow> {
    for (const windows of this.#byEnd.values()) yield* windows
  }
}

function append<K>(map: Map<K, OpenWindow[]>, key: K, window: OpenWindow): void {
  const windows = map.get(key)
  if (windows) windows.push(window)
  else map.set(key, [window])
}
