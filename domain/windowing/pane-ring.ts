import type { PaneBlocks } from './pane-blocks.js'
import { I_NEXT, I_PANE, NONE } from './pane-layout.js'

/*
 * The panes of one key, in a ring by time: each points to the one after it, and the newest to the oldest. Nearly every
 * event belongs to the newest pane or begins a newer one, and nearly every pane that is dropped is the oldest: either
 * looks at no pane but the newest, however many there are. Each look is a wait for memory.
 *
 * All take the memory of the panes and the slot of the newest pane, or -1 when there is none.
 */

const paneOf = (blocks: PaneBlocks, slot: number): number => blocks.word(slot, I_PANE)
const nextOf = (blocks: PaneBlocks, slot: number): number => blocks.word(slot, I_NEXT)

/** The slot of a pane, or -1. */
export function findPane(blocks: PaneBlocks, newest: number, pane: number): number {
  if (newest === NONE) return NONE
  let slot = newest
  if (pane < paneOf(blocks, newest)) {
    slot = nextOf(blocks, newest)
    while (paneOf(blocks, slot) < pane) slot = nextOf(blocks, slot)
  }
  return paneOf(blocks, slot) === pane ? slot : NONE
}

/** Writes the slots of panes `from .. from + slots.length - 1` into `slots`; -1 where there is none. */
export function gatherPanes(blocks: PaneBlocks, newest: number, from: number, slots: Int32Array): void {
  slots.fill(NONE)
  if (newest === NONE) return
  let slot = newest
  do {
    slot = nextOf(blocks, slot)
    const at = paneOf(blocks, slot) - from
    if (at >= 0 && at < slots.length) slots[at] = slot
  } while (slot !== newest)
}

/** Puts a pane that is not there yet in its place. @returns the newest pane after it */
export function linkPane(blocks: PaneBlocks, newest: number, slot: number): number {
  if (newest === NONE) {
    blocks.setWord(slot, I_NEXT, slot)
    return slot
  }
  const pane = paneOf(blocks, slot)
  const isNewest = pane > paneOf(blocks, newest)
  let before = newest
  if (!isNewest) while (paneOf(blocks, nextOf(blocks, before)) < pane) before = nextOf(blocks, before)
  blocks.setWord(slot, I_NEXT, nextOf(blocks, before))
  blocks.setWord(before, I_NEXT, slot)
  return isNewest ? slot : newest
}

/** Takes a pane out. @returns the newest pane that is left, or -1 */
export function unlinkPane(blocks: PaneBlocks, newest: number, slot: number): number {
  const next = nextOf(blocks, slot)
  if (next === slot) return NONE
  let before = newest
  while (nextOf(blocks, before) !== slot) before = nextOf(blocks, before)
  blocks.setWord(before, I_NEXT, next)
  return newest === slot ? before : newest
}
