import { I_NEXT, I_PANE, NONE, WORDS } from './pane-layout.js'

/*
 * The panes of one key, in a ring by time: each points to the one after it, and the newest to the oldest. Nearly every
 * event belongs to the newest pane or begins a newer one, and nearly every pane that is dropped is the oldest: either
 * looks at no pane but the newest, however many there are. Each look is a wait for memory.
 *
 * All take the panes as they lie in memory (`pane-layout.ts`) and the slot of the newest pane, or -1 when there is none.
 */

const paneOf = (words: Int32Array, slot: number): number => words[slot * WORDS + I_PANE] ?? 0
const nextOf = (words: Int32Array, slot: number): number => words[slot * WORDS + I_NEXT] ?? NONE

/** The slot of a pane, or -1. */
export function findPane(words: Int32Array, newest: number, pane: number): number {
  if (newest === NONE) return NONE
  let slot = newest
  if (pane < paneOf(words, newest)) {
    slot = nextOf(words, newest)
    while (paneOf(words, slot) < pane) slot = nextOf(words, slot)
  }
  return paneOf(words, slot) === pane ? slot : NONE
}

/** Writes the slots of panes `from .. from + slots.length - 1` into `slots`; -1 where there is none. */
export function gatherPanes(words: Int32Array, newest: number, from: number, slots: Int32Array): void {
  slots.fill(NONE)
  if (newest === NONE) return
  let slot = newest
  do {
    slot = nextOf(words, slot)
    const at = paneOf(words, slot) - from
    if (at >= 0 && at < slots.length) slots[at] = slot
  } while (slot !== newest)
}

/** Puts a pane that is not there yet in its place. @returns the newest pane after it */
export function linkPane(words: Int32Array, newest: number, slot: number): number {
  if (newest === NONE) {
    words[slot * WORDS + I_NEXT] = slot
    return slot
  }
  const pane = paneOf(words, slot)
  const isNewest = pane > paneOf(words, newest)
  let before = newest
  if (!isNewest) while (paneOf(words, nextOf(words, before)) < pane) before = nextOf(words, before)
  words[slot * WORDS + I_NEXT] = nextOf(words, before)
  words[before * WORDS + I_NEXT] = slot
  return isNewest ? slot : newest
}

/** Takes a pane out. @returns the newest pane that is left, or -1 */
export function unlinkPane(words: Int32Array, newest: number, slot: number): number {
  const next = nextOf(words, slot)
  if (next === slot) return NONE
  let before = newest
  while (nextOf(words, before) !== slot) before = nextOf(words, before)
  words[before * WORDS + I_NEXT] = next
  return newest === slot ? before : newest
}
