import type { RestoredPane } from '../../windowing/pane-event.js'
import { wordAt } from '../../windowing/pane-blocks.js'
import * as layout from '../../windowing/pane-layout.js'
import type { PaneStore } from '../../windowing/pane-store.js'
import type { NumberedTexts } from './texts.js'
import type { WordReader, WordWriter } from './words.js'

/*
 * A pane of a piece: what of it there is (a word of flags, and how many values), pane, key, first offset, first id; of
 * more than one event also their count, the last offset and the last id; the actor, and the offset at which it was named
 * when there is more than one event; the values. Most panes have one event and take some forty bytes.
 */
const FIRST_IS_TEXT = 1
const LAST_IS_TEXT = 2
const HAS_ACTOR = 4
const HAS_MORE = 8
const FLAG_BITS = 4

const { NONE, I_FIRST_ID, I_LAST_ID } = layout
const ID_WORDS = 4
/** Of a pane but for its values. */
const MOST_WORDS = 5 + ID_WORDS + 3 + ID_WORDS + 3

/** Writes a pane, and has the texts that it refers to written. */
export function writePane(
  writer: WordWriter,
  store: PaneStore,
  slot: number,
  keys: NumberedTexts,
  strings: NumberedTexts,
): void {
  const { words } = store.blocks.blockOf(slot)
  const base = wordAt(slot)
  const values = words[base + layout.I_VALUES] ?? 0
  const count = words[base + layout.I_COUNT] ?? 0
  const actor = words[base + layout.I_ACTOR] ?? NONE
  const idIsText = words[base + layout.I_FLAGS] ?? 0
  let at = writer.reserve(MOST_WORDS + values)
  const to = writer.words
  const flags = (actor === NONE ? 0 : HAS_ACTOR) | (count === 1 ? 0 : HAS_MORE)
  to[at++] = (values << FLAG_BITS) | flags | textFlags(idIsText)
  to[at++] = words[base + layout.I_PANE] ?? 0
  to[at++] = keys.numberOf(words[base + layout.I_KEY] ?? NONE)
  at = copyDouble(to, at, words, base, layout.F_FIRST_OFFSET)
  at = copyId(to, at, words, base + I_FIRST_ID, (idIsText & layout.FIRST_ID_IS_TEXT) === 0 ? undefined : strings)
  if (count !== 1) {
    to[at++] = count
    at = copyDouble(to, at, words, base, layout.F_LAST_OFFSET)
    at = copyId(to, at, words, base + I_LAST_ID, (idIsText & layout.LAST_ID_IS_TEXT) === 0 ? undefined : strings)
  }
  if (actor !== NONE) {
    to[at++] = strings.numberOf(actor)
    if (count !== 1) at = copyDouble(to, at, words, base, layout.F_ACTOR_OFFSET)
  }
  if (values > layout.INLINE_VALUES) for (const value of store.valuesOf(slot)) to[at++] = strings.numberOf(value)
  else for (let i = 0; i < values; i++) to[at++] = strings.numberOf(words[base + layout.I_INLINE + i] ?? NONE)
  writer.wrote(at)
}

const textFlags = (idIsText: number): number =>
  ((idIsText & layout.FIRST_ID_IS_TEXT) === 0 ? 0 : FIRST_IS_TEXT) |
  ((idIsText & layout.LAST_ID_IS_TEXT) === 0 ? 0 : LAST_IS_TEXT)

function copyDouble(to: Int32Array, at: number, words: Int32Array, base: number, which: number): number {
  const from = base + 2 * which
  to[at] = words[from] ?? 0
  to[at + 1] = words[from + 1] ?? 0
  return at + 2
}

function copyId(to: Int32Array, at: number, words: Int32Array, from: number, texts?: NumberedTexts): number {
  if (texts) {
    to[at] = texts.numberOf(words[from] ?? NONE)
    return at + 1
  }
  for (let i = 0; i < ID_WORDS; i++) to[at + i] = words[from + i] ?? 0
  return at + ID_WORDS
}

/** Reads a pane. @throws RangeError when it ends too early, or refers to a text that is not there */
export function readPane(reader: WordReader, keys: readonly string[], strings: readonly string[]): RestoredPane {
  const shape = reader.i32()
  const hasMore = (shape & HAS_MORE) !== 0
  const id = (isText: number): string | Int32Array =>
    (shape & isText) !== 0 ? textAt(strings, reader.i32()) : reader.words(ID_WORDS).slice()
  const pane = reader.i32()
  const key = textAt(keys, reader.i32())
  const firstOffset = reader.f64()
  const firstId = id(FIRST_IS_TEXT)
  const count = hasMore ? reader.i32() : 1
  const lastOffset = hasMore ? reader.f64() : firstOffset
  const lastId = hasMore ? id(LAST_IS_TEXT) : firstId
  const actor = (shape & HAS_ACTOR) !== 0 ? textAt(strings, reader.i32()) : null
  const actorOffset = actor === null ? NONE : hasMore ? reader.f64() : firstOffset
  const values = shape >>> FLAG_BITS
  if (count < 1 || count < values) throw new RangeError('a pane has more values than events')
  const numbers = reader.words(values)
  return {
    key,
    pane,
    count,
    firstOffset,
    lastOffset,
    actor,
    actorOffset,
    firstId,
    lastId,
    values: Array.from(numbers, (number) => textAt(strings, number)),
  }
}

function textAt(texts: readonly string[], number: number): string {
  const text = texts[number]
  if (text === undefined) throw new RangeError(`text ${number} is not in the piece`)
  return text
}
