import type { SeededRandom } from './seeded-random.js'

export interface Item {
  readonly itemId: string
  /** In minor units. */
  readonly unitPrice: number
}

/** A shop's shelf whose items are asked for by Zipf's law: the n-th most popular one with weight 1/n. */
export class Catalogue {
  readonly #cumulative: Float64Array
  readonly #items: readonly Item[]

  /** @param itemCount at least 1 */
  constructor(itemCount: number, random: SeededRandom) {
    this.#cumulative = new Float64Array(itemCount)
    let total = 0
    for (let rank = 1; rank <= itemCount; rank++) this.#cumulative[rank - 1] = total += 1 / rank
    this.#items = Array.from({ length: itemCount }, (_, at) => ({
      itemId: `item-${String(at + 1).padStart(5, '0')}`,
      unitPrice: random.whole(2, 200) * 100 - 1,
    }))
  }

  /** An item, popular ones more often. */
  popular(random: SeededRandom): Item {
    const target = random.fraction() * (this.#cumulative.at(-1) ?? 0)
    let low = 0
    let high = this.#cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#cumulative[middle] ?? 0) > target) high = middle
      else low = middle + 1
    }
    return this.at(low)
  }

  /** The item at a place of the shelf, which goes round. */
  at(place: number): Item {
    const item = this.#items[place % this.#items.length]
    if (item === undefined) throw new RangeError(`no item at ${place}`)
    return item
  }
}
