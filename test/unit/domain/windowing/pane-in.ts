import { idIn, type RestoredPane } from '../../../../domain/windowing/pane-event.js'
import * as layout from '../../../../domain/windowing/pane-layout.js'
import type { PaneStore } from '../../../../domain/windowing/pane-store.js'

/** All that a store has in a slot. */
export function paneIn(store: PaneStore, slot: number): RestoredPane {
  const { blocks, keyTexts, strings } = store
  const word = (at: number): number => blocks.word(slot, at)
  const double = (at: number): number => blocks.double(slot, at)
  const actor = word(layout.I_ACTOR)
  return {
    key: keyTexts.textOf(word(layout.I_KEY)),
    pane: word(layout.I_PANE),
    count: word(layout.I_COUNT),
    firstOffset: double(layout.F_FIRST_OFFSET),
    lastOffset: double(layout.F_LAST_OFFSET),
    actor: actor === layout.NONE ? null : strings.textOf(actor),
    actorOffset: double(layout.F_ACTOR_OFFSET),
    firstId: idIn(blocks, slot, layout.I_FIRST_ID, strings),
    lastId: idIn(blocks, slot, layout.I_LAST_ID, strings),
    values: Array.from(store.valuesOf(slot), (value) => strings.textOf(value)),
  }
}
