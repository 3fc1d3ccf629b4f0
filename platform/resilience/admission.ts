/** There is no room for the request now. */
export class OverloadError extends Error {
  override readonly name = 'OverloadError'

  constructor(readonly reason: 'queue_full' | 'waited_too_long') {
    super(reason === 'queue_full' ? 'too many requests wait already' : 'it waited too long for its turn')
  }
}

export interface AdmissionSettings {
  /** At work at once. */
  readonly limit: number
  /** That may wait for their turn. */
  readonly maxWaiting: number
  readonly maxWaitMs: number
}

interface Waiting {
  readonly start: () => void
  readonly timer: NodeJS.Timeout
}

/** Lets so many work at once, so many wait for their turn in order, and refuses the rest at once. */
export class Admission {
  readonly #settings: AdmissionSettings
  readonly #waiting = new Set<Waiting>()
  #atWork = 0

  constructor(settings: AdmissionSettings) {
    this.#settings = settings
  }

  get atWork(): number {
    return this.#atWork
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** A turn, if there is room at once. @returns gives it back; to be called once; undefined when it has to be waited for */
  tryEnter(): (() => void) | undefined {
    return this.#atWork < this.#settings.limit ? this.#start() : undefined
  }

  /**
   * Waits for a turn.
   * @param signal ends the wait of one who has gone away
   * @returns gives the turn back; to be called once
   * @throws OverloadError; the signal's reason
   */
  enter(signal?: AbortSignal): Promise<() => void> | (() => void) {
    const free = this.tryEnter()
    if (free !== undefined) return free
    if (this.#waiting.size >= this.#settings.maxWaiting) throw new OverloadError('queue_full')
    return new Promise((resolve, reject) => {
      const leave = (error: unknown) => {
        clearTimeout(waiting.timer)
        this.#waiting.delete(waiting)
        signal?.removeEventListener('abort', onAbort)
        if (error !== undefined) reject(error instanceof Error ? error : new Error('went away', { cause: error }))
      }
      const onAbort = () => leave(signal?.reason ?? new Error('went away'))
      const waiting: Waiting = {
        start: () => {
          leave(undefined)
          resolve(this.#start())
        },
        timer: setTimeout(() => leave(new OverloadError('waited_too_long')), this.#settings.maxWaitMs),
      }
      signal?.addEventListener('abort', onAbort)
      this.#waiting.add(waiting)
    })
  }

  #start(): () => void {
    this.#atWork += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#atWork -= 1
      const [next] = this.#waiting
      next?.start()
    }
  }
}
