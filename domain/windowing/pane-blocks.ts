import { DOUBLES, WORDS } from './pane-layout.js'

/** Panes in a block: 65,536, of 6 MiB. Of one below 2 MiB, no page would be of that size. */
const BLOCK_BITS = 16
const BLOCK_PANES = 1 << BLOCK_BITS
const SLOTS = BLOCK_PANES - 1
const FIRST_PANES = 1_024
/** Where a pane begins in its block, in words. */
export const wordAt = (slot: number): number => (slot & SLOTS) * WORDS
/** The same in doubles. */
export const doubleAt = (slot: number): number => (slot & SLOTS) * DOUBLES

/** The memory of some panes: the same as integers and as doubles. */
export interface PaneBlock {
  readonly words: Int32Array
  readonly doubles: Float64Array
}

function emptyBlock(panes: number): PaneBlock {
  const words = new Int32Array(panes * WORDS)
  return { words, doubles: new Float64Array(words.buffer) }
}

const NO_BLOCK = emptyBlock(0)

/**
 * The memory of panes, slot by slot, in blocks. One array of all of them would be copied to grow, and the old one would
 * lie there until garbage is looked for: for a while, the state would take twice as much.
 */
export class PaneBlocks {
  readonly #blocks: PaneBlock[] = []
  #slots = 0

  /** Bytes taken, with those of slots that have not been used yet. */
  get bytes(): number {
    return this.#slots * WORDS * Int32Array.BYTES_PER_ELEMENT
  }

  /** The block in which a pane lies, from `wordAt` on. Valid until room is made for another. */
  blockOf(slot: number): PaneBlock {
    return this.#blocks[slot >>> BLOCK_BITS] ?? NO_BLOCK
  }

  /** One word of a pane; `which` as in `pane-layout.ts`. */
  word(slot: number, which: number): number {
    return this.blockOf(slot).words[wordAt(slot) + which] ?? 0
  }

  setWord(slot: number, which: number, value: number): void {
    this.blockOf(slot).words[wordAt(slot) + which] = value
  }

  /** One double of a pane; `which` as in `pane-layout.ts`. */
  double(slot: number, which: number): number {
    return this.blockOf(slot).doubles[doubleAt(slot) + which] ?? 0
  }

  /** Makes room for a slot; those before it have room. Only the first block grows, from a size that few sessions need. */
  makeRoomFor(slot: number): void {
    if (slot < this.#slots) return
    const at = slot >>> BLOCK_BITS
    const panes = at > 0 ? BLOCK_PANES : Math.max(FIRST_PANES, this.#slots * 2)
    const block = emptyBlock(panes)
    block.words.set((this.#blocks[at] ?? NO_BLOCK).words)
    this.#blocks[at] = block
    this.#slots = at * BLOCK_PANES + panes
  }
}
