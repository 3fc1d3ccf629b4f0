import type { Text } from '../text.js'
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

/** The id at one of its two places in a pane: its four words, copied, or its text. */
export function idIn(words: Int32Array, slot: number, at: number, strings: TextSource): string | Int32Array {
  const from = slot * layout.WORDS + at
  const textFlag = at === layout.I_FIRST_ID ? layout.FIRST_ID_IS_TEXT : layout.LAST_ID_IS_TEXT
  const isText = ((words[slot * layout.WORDS + layout.I_FLAGS] ?? 0) & textFlag) !== 0
  return isText ? strings.textOf(words[from] ?? layout.NONE) : words.slice(from, from + 4)
}

/** The pane in a slot. */
export function viewOf(
  words: Int32Array,
  doubles: Float64Array,
  slot: number,
  keys: TextSource,
  strings: TextSource,
  values: readonly number[],
): PaneView {
  const { NONE } = layout
  const base = slot * layout.WORDS
  const word = (at: number): number => words[base + at] ?? NONE
  const double = (at: number): number => doubles[slot * layout.DOUBLES + at] ?? 0
  const actor = word(layout.I_ACTOR)
  return {
    key: keys.textOf(word(layout.I_KEY)),
    pane: word(layout.I_PANE),
    count: word(layout.I_COUNT),
    firstOffset: double(layout.F_FIRST_OFFSET),
    lastOffset: double(layout.F_LAST_OFFSET),
    actor: actor === NONE ? null : strings.textOf(actor),
    actorOffset: double(layout.F_ACTOR_OFFSET),
    firstId: idIn(words, slot, layout.I_FIRST_ID, strings),
    lastId: idIn(words, slot, layout.I_LAST_ID, strings),
    values,
  }
}

/** The id of a view, as an event has it. */
export const idOfView = (id: string | Int32Array): Pick<PaneEvent, 'id' | 'idText'> =>
  typeof id === 'string'
    ? { id: { w0: 0, w1: 0, w2: 0, w3: 0 }, idText: id }
    : { id: { w0: id[0] ?? 0, w1: id[1] ?? 0, w2: id[2] ?? 0, w3: id[3] ?? 0 }, idText: null }
