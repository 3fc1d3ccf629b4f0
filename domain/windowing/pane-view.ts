import type { Text } from '../text.js'

/** What one event adds to its pane. The id is four words, or a text when `idText` is set. */
export interface PaneEvent {
  readonly offset: number
  readonly value: Text | null
  readonly actor: Text | null
  readonly id: { readonly w0: number; readonly w1: number; readonly w2: number; readonly w3: number }
  readonly idText: string | null
}

/** Reads one pane. Valid until the next change of the store. */
export interface PaneView {
  readonly key: string
  readonly pane: number
  readonly count: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly actor: string | null
  readonly actorOffset: number
  readonly firstId: string | Int32Array
  readonly lastId: string | Int32Array
  readonly values: readonly number[]
}

/** The id of a view, as an event has it. */
export const idOfView = (id: string | Int32Array): Pick<PaneEvent, 'id' | 'idText'> =>
  typeof id === 'string'
    ? { id: { w0: 0, w1: 0, w2: 0, w3: 0 }, idText: id }
    : { id: { w0: id[0] ?? 0, w1: id[1] ?? 0, w2: id[2] ?? 0, w3: id[3] ?? 0 }, idText: null }
