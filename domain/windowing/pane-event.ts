import type { Text } from '../text.js'
import { wordAt, type PaneBlocks } from './pane-blocks.js'
import * as layout from './pane-layout.js'
import type { TextSource } from './text-table.js'

/** What one event adds to its pane. The id is four words, or a text when `idText` is set. */
export interface PaneEvent {
  readonly offset: number
  readonly value: Text | null
  readonly actor: Text | null
  readonly id: { readonly w0: number; readonly w1: number; readonly w2: number; readonly w3: number }
  readonly idText: string | null
}

/** All that is known of a pane, as it is put back. An id is its four words or a text. */
export interface RestoredPane {
  readonly key: string
  readonly pane: number
  readonly count: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly actor: string | null
  readonly actorOffset: number
  readonly firstId: string | Int32Array
  readonly lastId: string | Int32Array
  readonly values: readonly string[]
}

/** The id at one of its two places in a pane: its four words, copied, or its text. */
export function idIn(blocks: PaneBlocks, slot: number, at: number, strings: TextSource): string | Int32Array {
  const textFlag = at === layout.I_FIRST_ID ? layout.FIRST_ID_IS_TEXT : layout.LAST_ID_IS_TEXT
  const isText = (blocks.word(slot, layout.I_FLAGS) & textFlag) !== 0
  const from = wordAt(slot) + at
  return isText ? strings.textOf(blocks.word(slot, at)) : blocks.blockOf(slot).words.slice(from, from + 4)
}

/** The id of a restored pane, as an event has it. */
export const idOfEvent = (id: string | Int32Array): Pick<PaneEvent, 'id' | 'idText'> =>
  typeof id === 'string'
    ? { id: { w0: 0, w1: 0, w2: 0, w3: 0 }, idText: id }
    : { id: { w0: id[0] ?? 0, w1: id[1] ?? 0, w2: id[2] ?? 0, w3: id[3] ?? 0 }, idText: null }
