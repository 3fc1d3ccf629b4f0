import { Interner } from './interner.js'
import { KeyTable } from './key-table.js'
import { doubleAt, PaneBlocks, wordAt } from './pane-blocks.js'
import {
  CHANGED,
  F_ACTOR_OFFSET,
  F_FIRST_OFFSET,
  F_LAST_OFFSET,
  FIRST_ID_IS_TEXT,
  I_ACTOR,
  I_COUNT,
  I_FIRST_ID,
  I_FLAGS,
  I_INLINE,
  I_KEY,
  I_LAST_ID,
  I_PANE,
  I_VALUES,
  INLINE_VALUES,
  LAST_ID_IS_TEXT,
  NONE,
  WORDS,
} from './pane-layout.js'
import { findPane, gatherPanes, linkPane, unlinkPane } from './pane-ring.js'
import { idOfEvent, type PaneEvent, type RestoredPane } from './pane-event.js'
import type { Text } from '../text.js'
import type { TextSource } from './text-table.js'

/** A number in a set, with its share of the set. */
const SPILLED_VALUE_BYTES = 40

/**
 * The panes of all keys of one partition: count, distinct values, first and last offset and event id, and the actor
 * last named. It knows neither what a key is (a session, later a fingerprint) nor what a value is (an item).
 */
export class PaneStore {
  readonly strings = new Interner()
  /** The panes as they lie in memory, by their slots. */
  readonly blocks = new PaneBlocks()
  #used = 0
  readonly #freeSlots: number[] = []
  /** Values of panes with more than fit inline. */
  readonly #spilled = new Map<number, Set<number>>()
  #spilledValues = 0
  readonly #keys = new KeyTable()
  readonly #byPane = new Map<number, number[]>()

  get paneCount(): number {
    return this.#used - this.#freeSlots.length
  }

  get keyCount(): number {
    return this.#keys.size
  }

  get bytes(): number {
    const spilledBytes = this.#spilledValues * SPILLED_VALUE_BYTES
    return this.blocks.bytes + this.#keys.bytes + this.strings.bytes + spilledBytes
  }

  keyOf(text: Text): number {
    return this.#keys.use(text)
  }

  /** The texts of keys, by their numbers. */
  get keyTexts(): TextSource {
    return this.#keys
  }

  findKey(text: Text): number {
    return this.#keys.find(text)
  }

  /** Events in all live panes of a key: no window of the key holds more. */
  totalOf(key: number): number {
    return this.#keys.totalOf(key)
  }

  /** Adds one event to a key's pane. @returns the key's total after it */
  add(key: number, pane: number, event: PaneEvent): number {
    const found = this.find(key, pane)
    const slot = found === NONE ? this.#newPane(key, pane, event) : found
    const base = wordAt(slot)
    const { words, doubles } = this.blocks.blockOf(slot)
    words[base + I_COUNT] = (words[base + I_COUNT] ?? 0) + 1
    doubles[doubleAt(slot) + F_LAST_OFFSET] = event.offset
    this.#setId(words, base, I_LAST_ID, LAST_ID_IS_TEXT, event)
    if (event.value !== null) this.#addValue(slot, words, base, event.value)
    if (event.actor !== null) {
      this.#setActor(words, base, event.actor)
      doubles[doubleAt(slot) + F_ACTOR_OFFSET] = event.offset
    }
    words[base + I_FLAGS] = (words[base + I_FLAGS] ?? 0) | CHANGED
    return this.#keys.addToTotal(key, 1)
  }

  /** The slot of a key's pane, or -1. */
  find(key: number, pane: number): number {
    return findPane(this.blocks, this.#keys.newestOf(key), pane)
  }

  /** Writes the slots of a key's panes `from .. from + slots.length - 1` into `slots`; -1 where there is none. */
  gather(key: number, from: number, slots: Int32Array): void {
    gatherPanes(this.blocks, this.#keys.newestOf(key), from, slots)
  }

  countOf(slot: number): number {
    return this.blocks.word(slot, I_COUNT)
  }

  /** How many distinct values one pane has. */
  distinctOf(slot: number): number {
    return this.blocks.word(slot, I_VALUES)
  }

  /** The distinct values of a pane, by their numbers. */
  valuesOf(slot: number): Iterable<number> {
    const spilled = this.#spilled.get(slot)
    if (spilled) return spilled
    const at = wordAt(slot) + I_INLINE
    return this.blocks.blockOf(slot).words.subarray(at, at + this.distinctOf(slot))
  }

  /** Forgets the panes before `pane`, and the keys that have none left. */
  dropBefore(pane: number): void {
    for (const [at, slots] of this.#byPane) {
      if (at >= pane) continue
      for (const slot of slots) this.#dropPane(slot)
      this.#byPane.delete(at)
    }
  }

  /**
   * The live panes changed since the last call, or all of them, as they lie in memory. Either way, nothing is changed
   * afterwards. To look at every pane in turn takes less than to keep a list of those that change.
   */
  takeChanged(all: boolean): number[] {
    const taken: number[] = []
    for (let slot = 0; slot < this.#used; slot++) {
      const base = wordAt(slot)
      const { words } = this.blocks.blockOf(slot)
      if (words[base + I_COUNT] === 0) continue
      const flags = words[base + I_FLAGS] ?? 0
      if (all || (flags & CHANGED) !== 0) taken.push(slot)
      words[base + I_FLAGS] = flags & ~CHANGED
    }
    return taken
  }

  /** Has every live pane be taken as changed: what was taken of it before is not enough any more. */
  markAllChanged(): void {
    for (const slots of this.#byPane.values())
      for (const slot of slots) this.blocks.setWord(slot, I_FLAGS, this.blocks.word(slot, I_FLAGS) | CHANGED)
  }

  /** Puts a pane in place of the key's pane that is there, if any. */
  restore(pane: RestoredPane): void {
    const key = this.keyOf(pane.key)
    const old = this.find(key, pane.pane)
    const first = { offset: pane.firstOffset, value: null, actor: null, ...idOfEvent(pane.firstId) }
    const slot = old === NONE ? this.#newPane(key, pane.pane, first) : old
    this.#keys.addToTotal(key, pane.count - this.countOf(slot))
    const base = wordAt(slot)
    const { words, doubles } = this.blocks.blockOf(slot)
    words[base + I_COUNT] = pane.count
    doubles[doubleAt(slot) + F_LAST_OFFSET] = pane.lastOffset
    this.#setId(words, base, I_LAST_ID, LAST_ID_IS_TEXT, idOfEvent(pane.lastId))
    for (const value of pane.values) this.#addValue(slot, words, base, value)
    if (pane.actor === null) return
    this.#setActor(words, base, pane.actor)
    doubles[doubleAt(slot) + F_ACTOR_OFFSET] = pane.actorOffset
  }

  #newPane(key: number, pane: number, event: PaneEvent): number {
    const slot = this.#freeSlots.pop() ?? this.#used++
    this.blocks.makeRoomFor(slot)
    const base = wordAt(slot)
    const { words, doubles } = this.blocks.blockOf(slot)
    words.fill(0, base, base + WORDS)
    words[base + I_PANE] = pane
    words[base + I_KEY] = key
    words[base + I_ACTOR] = NONE
    doubles[doubleAt(slot) + F_FIRST_OFFSET] = event.offset
    doubles[doubleAt(slot) + F_ACTOR_OFFSET] = NONE
    this.#setId(words, base, I_FIRST_ID, FIRST_ID_IS_TEXT, event)
    const siblings = this.#byPane.get(pane)
    if (siblings) siblings.push(slot)
    else this.#byPane.set(pane, [slot])
    this.#keys.setNewest(key, linkPane(this.blocks, this.#keys.newestOf(key), slot))
    return slot
  }

  #dropPane(slot: number): void {
    const base = wordAt(slot)
    const { words } = this.blocks.blockOf(slot)
    this.#releaseTexts(slot, words, base)
    const count = words[base + I_COUNT] ?? 0
    words[base + I_COUNT] = 0
    this.#freeSlots.push(slot)
    const key = words[base + I_KEY] ?? NONE
    const newest = unlinkPane(this.blocks, this.#keys.newestOf(key), slot)
    if (newest === NONE) {
      this.#keys.drop(key)
      return
    }
    this.#keys.setNewest(key, newest)
    this.#keys.addToTotal(key, -count)
  }

  #releaseTexts(slot: number, words: Int32Array, base: number): void {
    const values = words[base + I_VALUES] ?? 0
    if (values > INLINE_VALUES) {
      for (const value of this.valuesOf(slot)) this.strings.release(value)
      this.#spilled.delete(slot)
      this.#spilledValues -= values
    } else for (let i = 0; i < values; i++) this.strings.release(words[base + I_INLINE + i] ?? NONE)
    const actor = words[base + I_ACTOR] ?? NONE
    if (actor !== NONE) this.strings.release(actor)
    const idIsText = words[base + I_FLAGS] ?? 0
    if (idIsText & FIRST_ID_IS_TEXT) this.strings.release(words[base + I_FIRST_ID] ?? NONE)
    if (idIsText & LAST_ID_IS_TEXT) this.strings.release(words[base + I_LAST_ID] ?? NONE)
  }

  #setId(
    words: Int32Array,
    base: number,
    at: number,
    textFlag: number,
    { id, idText }: Pick<PaneEvent, 'id' | 'idText'>,
  ): void {
    const flags = words[base + I_FLAGS] ?? 0
    if (flags & textFlag) this.strings.release(words[base + at] ?? NONE)
    if (idText !== null) {
      words[base + at] = this.strings.hold(idText)
      words[base + I_FLAGS] = flags | textFlag
      return
    }
    words[base + at] = id.w0
    words[base + at + 1] = id.w1
    words[base + at + 2] = id.w2
    words[base + at + 3] = id.w3
    if (flags & textFlag) words[base + I_FLAGS] = flags & ~textFlag
  }

  #setActor(words: Int32Array, base: number, actor: Text): void {
    const held = words[base + I_ACTOR] ?? NONE
    if (held === NONE || !this.strings.isText(held, actor)) {
      words[base + I_ACTOR] = this.strings.hold(actor)
      if (held !== NONE) this.strings.release(held)
    }
  }

  #addValue(slot: number, words: Int32Array, base: number, value: Text): void {
    const known = this.strings.find(value)
    const count = words[base + I_VALUES] ?? 0
    const spilled = count > INLINE_VALUES ? this.#spilled.get(slot) : undefined
    if (known !== NONE) {
      if (spilled?.has(known)) return
      if (!spilled) for (let i = 0; i < count; i++) if (words[base + I_INLINE + i] === known) return
    }
    const ref = known === NONE ? this.strings.holdNew(value) : this.strings.retain(known)
    if (spilled) spilled.add(ref)
    else if (count < INLINE_VALUES) words[base + I_INLINE + count] = ref
    else this.#spilled.set(slot, new Set([...words.subarray(base + I_INLINE, base + I_INLINE + count), ref]))
    if (count >= INLINE_VALUES) this.#spilledValues += count === INLINE_VALUES ? count + 1 : 1
    words[base + I_VALUES] = count + 1
  }
}
