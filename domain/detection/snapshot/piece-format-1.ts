import type { RestoredPane } from '../../windowing/pane-event.js'
import type { PartitionDetector } from '../partition-detector.js'
import { ByteReader } from './bytes.js'

export const PIECE_FORMAT_1 = 1

/** How a pane lay in memory then: in words, and its doubles counted in doubles. */
const layout = {
  WORDS: 28,
  F_FIRST_OFFSET: 0,
  F_LAST_OFFSET: 1,
  F_ACTOR_OFFSET: 2,
  I_PANE: 6,
  I_COUNT: 8,
  I_KEY: 9,
  I_ACTOR: 10,
  I_VALUES: 11,
  I_INLINE: 12,
  INLINE_VALUES: 4,
  I_FIRST_ID: 16,
  I_LAST_ID: 20,
  I_ID_IS_TEXT: 24,
  FIRST_ID_IS_TEXT: 1,
  LAST_ID_IS_TEXT: 2,
} as const
const { WORDS } = layout
const NONE = -1

/**
 * Puts a piece of release 0.1.0 back. It holds, little-endian: format (u8), then seven runs of bytes, each with its length
 * in front: the panes as they lay in memory; the values of panes that have more than fit inline; the
 * event ids as the set keeps them; ids that are texts (number, event time); and the texts that these refer to by number,
 * for keys, for strings, and for the ids that are texts.
 * @throws RangeError for bytes that are no such piece
 */
export function restorePieceFormat1(detector: PartitionDetector, bytes: Uint8Array): void {
  const piece = new ByteReader(bytes)
  if (piece.u8() !== PIECE_FORMAT_1) throw new RangeError('it is of another format')
  const words = wordsOf(piece.raw())
  const spilled = new ByteReader(piece.raw())
  const bits = wordsOf(piece.raw())
  const idTimes = new ByteReader(piece.raw())
  const keys = readTexts(piece.raw())
  const strings = readTexts(piece.raw())
  const idTexts = readTexts(piece.raw())
  if (!piece.done) throw new RangeError('bytes are left over')
  const doubles = new Float64Array(words.buffer)
  for (let base = 0; base < words.length; base += WORDS)
    detector.panes.restore(readPane(words, doubles, base, spilled, keys, strings))
  const texts: [string, number][] = []
  while (!idTimes.done) texts.push([textOf(idTexts, idTimes.i32()), idTimes.f64()])
  detector.ids.restoreSessionless(bits, texts, detector.watermarkMs)
}

type Texts = ReadonlyMap<number, string>

function readPane(
  words: Int32Array,
  doubles: Float64Array,
  base: number,
  spilled: ByteReader,
  keys: Texts,
  strings: Texts,
): RestoredPane {
  const word = (at: number): number => words[base + at] ?? 0
  const double = (at: number): number => doubles[base / 2 + at] ?? 0
  const actor = word(layout.I_ACTOR)
  const count = word(layout.I_VALUES)
  const valueAt = (i: number): number => (count > layout.INLINE_VALUES ? spilled.i32() : word(layout.I_INLINE + i))
  const id = (at: number, textFlag: number): string | Int32Array =>
    word(layout.I_ID_IS_TEXT) & textFlag ? textOf(strings, word(at)) : words.slice(base + at, base + at + 4)
  if (count < 0 || word(layout.I_COUNT) < Math.max(count, 1)) throw new RangeError('a pane has more values than events')
  return {
    key: textOf(keys, word(layout.I_KEY)),
    pane: word(layout.I_PANE),
    count: word(layout.I_COUNT),
    firstOffset: double(layout.F_FIRST_OFFSET),
    lastOffset: double(layout.F_LAST_OFFSET),
    actor: actor === NONE ? null : textOf(strings, actor),
    actorOffset: double(layout.F_ACTOR_OFFSET),
    firstId: id(layout.I_FIRST_ID, layout.FIRST_ID_IS_TEXT),
    lastId: id(layout.I_LAST_ID, layout.LAST_ID_IS_TEXT),
    values: Array.from({ length: count }, (_, i) => textOf(strings, valueAt(i))),
  }
}

function wordsOf(bytes: Uint8Array): Int32Array {
  if (bytes.length % 8 !== 0) throw new RangeError('a run of words ends in the middle of one')
  // A copy of its own: the bytes may be a part of a larger buffer, and begin anywhere in it.
  return new Int32Array(new Uint8Array(bytes).buffer)
}

function textOf(texts: Texts, ref: number): string {
  const text = texts.get(ref)
  if (text === undefined) throw new RangeError(`text ${ref} is not in the piece`)
  return text
}

/** The texts of a piece, by number. */
function readTexts(bytes: Uint8Array): Texts {
  const reader = new ByteReader(bytes)
  const texts = new Map<number, string>()
  while (!reader.done) texts.set(reader.i32(), reader.text())
  return texts
}
