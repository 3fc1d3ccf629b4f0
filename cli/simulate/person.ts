import type { Catalogue, Item } from './catalogue.js'
import type { SeededRandom } from './seeded-random.js'
import { viewOf, type SessionStep } from './session-step.js'
import { logIn, type Visitor } from './visitor.js'

const LISTS: readonly [string, ...string[]] = ['/', '/search', '/category/garden', '/category/books', '/category/tools']
const SHORTEST_PAUSE_MS = 400
const MEAN_PAUSE_MS = 7_000

/**
 * A person's visit, at a person's pace: looks at lists and items, puts some in the cart and some out again, and now
 * and then checks out and buys, for which half of the unknown ones log in. Never fast or narrow enough for a rule.
 */
export function* personSteps(
  visitor: Visitor,
  startMs: number,
  catalogue: Catalogue,
  random: SeededRandom,
): Generator<SessionStep, void> {
  const cart: Item[] = []
  let atMs = startMs
  const pause = (): number => (atMs += SHORTEST_PAUSE_MS + Math.round(random.exponential(MEAN_PAUSE_MS)))
  yield { atMs, type: 'page_view', itemId: null, page: random.pick(LISTS) }
  const interest = random.whole(1, 10)
  for (let looked = 0; looked < interest; looked++) {
    if (random.chance(0.35)) yield { atMs: pause(), type: 'page_view', itemId: null, page: random.pick(LISTS) }
    const item = catalogue.popular(random)
    yield viewOf(pause(), item)
    if (random.chance(0.22)) {
      cart.push(item)
      yield { atMs: pause(), type: 'add_to_cart', itemId: item.itemId, page: '/cart' }
    }
    if (cart.length > 0 && random.chance(0.06)) {
      const dropped = cart.pop()
      yield { atMs: pause(), type: 'remove_from_cart', itemId: dropped?.itemId ?? null, page: '/cart' }
    }
  }
  if (cart.length === 0 || random.chance(0.45)) return
  if (random.chance(0.5)) logIn(visitor, random)
  yield { atMs: pause(), type: 'checkout', itemId: null, page: '/checkout' }
  if (random.chance(0.25)) return
  pause()
  for (const item of cart)
    yield { atMs, type: 'purchase', item, quantity: random.chance(0.85) ? 1 : random.whole(2, 4) }
}
