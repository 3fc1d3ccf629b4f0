import type { Part } from '../../platform/lifecycle.js'
import type { Position } from './position.js'

/** One record of the feed, as text that is sent to every client. */
export interface Change {
  readonly partition: number
  readonly offset: number
  /** JSON. */
  readonly data: string
  readonly ruleId: string
  readonly mode: string
}

export interface Subscriber {
  readonly onChange: (change: Change) => void
  /** The feed is not followed any more: the client is to come back. */
  readonly onEnd: () => void
}

export interface Feed {
  /** Follows the feed from its end. */
  readonly follow: (
    onChanges: (changes: readonly Change[]) => void,
    onEnd: (error: Error) => void,
  ) => Promise<Part<{ readonly ends: Position }>>
}

/**
 * Follows the feed of changes once for all clients of this process, and remembers the last ones, so that a client that was
 * cut off for a moment is served from memory. It begins with the first client.
 */
export class ChangeTail {
  readonly #feed: Feed
  readonly #maxKept: number
  readonly #subscribers = new Set<Subscriber>()
  #following: Promise<Part<unknown>> | undefined
  #position: number[] = []
  #kept: Change[] = []
  /** By partition: what is kept begins here. */
  #keptFrom: number[] = []

  constructor(feed: Feed, maxKept: number) {
    this.#feed = feed
    this.#maxKept = maxKept
  }

  get clients(): number {
    return this.#subscribers.size
  }

  /** How far the feed has been followed. */
  get position(): Position {
    return this.#position
  }

  /** @throws when the feed cannot be followed */
  async begin(): Promise<void> {
    const begun = (this.#following ??= this.#start())
    try {
      await begun
    } catch (error) {
      if (this.#following === begun) this.#following = undefined
      throw error
    }
  }

  /** Every change from now on comes to the subscriber. @returns where "now" is */
  subscribe(subscriber: Subscriber): Position {
    this.#subscribers.add(subscriber)
    return [...this.#position]
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber)
  }

  /** The changes of a part of a partition, if all of it is remembered. */
  remembered(partition: number, from: number, to: number): Change[] | undefined {
    if (from < (this.#keptFrom[partition] ?? Infinity)) return undefined
    return this.#kept.filter((change) => change.partition === partition && change.offset >= from && change.offset < to)
  }

  /** Sends all clients away. */
  async stop(): Promise<void> {
    const following = this.#following
    this.#end()
    await following?.then(
      ({ stop }) => stop(),
      () => undefined,
    )
  }

  async #start(): Promise<Part<unknown>> {
    const early: Change[] = []
    let isReady = false
    const part = await this.#feed.follow(
      (changes) => {
        if (isReady) this.#take(changes)
        else early.push(...changes)
      },
      () => this.#end(),
    )
    this.#position = [...part.value.ends]
    this.#keptFrom = [...part.value.ends]
    this.#kept = []
    isReady = true
    this.#take(early)
    return part
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#position[change.partition] = change.offset + 1
      this.#kept.push(change)
      for (const { onChange } of this.#subscribers) onChange(change)
    }
    // In large steps: to move all of them for each change would cost as much as all else.
    if (this.#kept.length <= 2 * this.#maxKept) return
    for (const { partition, offset } of this.#kept.splice(0, this.#kept.length - this.#maxKept))
      this.#keptFrom[partition] = offset + 1
  }

  #end(): void {
    this.#following = undefined
    const subscribers = [...this.#subscribers]
    this.#subscribers.clear()
    for (const { onEnd } of subscribers) onEnd()
  }
}
