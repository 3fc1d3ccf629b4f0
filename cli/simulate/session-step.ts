import type { ClickType } from '../../domain/events.js'
import type { Item } from './catalogue.js'

/** The next thing that a visitor does. `atMs` never goes back within a session. */
export type SessionStep = ClickStep | PurchaseStep

export interface ClickStep {
  readonly atMs: number
  readonly type: ClickType
  readonly itemId: string | null
  readonly page: string
}

export interface PurchaseStep {
  readonly atMs: number
  readonly type: 'purchase'
  readonly item: Item
  readonly quantity: number
}

/** A look at the page of an item. */
export const viewOf = (atMs: number, { itemId }: Item): ClickStep => ({
  atMs,
  type: 'item_view',
  itemId,
  page: `/items/${itemId}`,
})
