interface Entry<T> {
  readonly atMs: number
  readonly order: number
  readonly value: T
}

/** A queue that gives its entries by time, and those of one time in the order in which they were put. A binary heap. */
export class TimeOrderedQueue<T> {
  readonly #heap: Entry<T>[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** The time of the entry that is next, or undefined when there is none. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs
  }

  put(atMs: number, value: T): void {
    const entry = { atMs, order: this.#order++, value }
    const heap = this.#heap
    let hole = heap.length
    heap.push(entry)
    while (hole > 0) {
      const parentAt = (hole - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || !isBefore(entry, parent)) break
      heap[hole] = parent
      hole = parentAt
    }
    heap[hole] = entry
  }

  take(): { readonly atMs: number; readonly value: T } | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let hole = 0
    for (;;) {
      const left = heap[2 * hole + 1]
      const right = heap[2 * hole + 2]
      if (left === undefined) break
      const takeRight = right !== undefined && isBefore(right, left)
      const child = takeRight ? right : left
      if (!isBefore(child, last)) break
      heap[hole] = child
      hole = 2 * hole + (takeRight ? 2 : 1)
    }
    heap[hole] = last
    return first
  }
}

const isBefore = (a: Entry<unknown>, b: Entry<unknown>): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
