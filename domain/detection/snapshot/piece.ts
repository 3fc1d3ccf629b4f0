import { GuardianError } from '../../errors.js'
import { PANE_MS } from '../../windowing/pane.js'
import * as layout from '../../windowing/pane-layout.js'
import type { PaneStore } from '../../windowing/pane-store.js'
import type { PartitionDetector } from '../partition-detector.js'
import { ByteReader, ByteWriter } from './bytes.js'
import { NumberedTexts, readTexts } from './texts.js'

/** Raised when what is written below changes; an older piece is read by the reader of its own number. */
const PIECE_FORMAT = 1
const { NONE, WORDS } = layout

/** Part of a detector's state: the panes and event ids that changed since the piece before it, or all of them. */
export interface Piece {
  readonly bytes: Uint8Array
  /** When the watermark is here, nothing in the piece is needed any more. */
  readonly expiresAtMs: number
}

type RestoredPane = Parameters<PaneStore['restore']>[0]

/**
 * Takes what changed since the last piece, or everything.
 *
 * Written, little-endian: format (u8), then seven runs of bytes, each with its length in front: the panes as they lie in
 * memory (`pane-layout.ts`); the values of panes that have more than fit inline (count, numbers); the event ids as the
 * set keeps them; ids that are texts (text, event time); and the texts that these refer to by number, for keys, for
 * strings, and for the ids that are texts.
 */
export function takePiece(detector: PartitionDetector, full: boolean): Piece {
  const { panes, ids, watermarkMs } = detector
  const slots = panes.takeChanged(full)
  const words = panes.copyOut(slots)
  const keys = new NumberedTexts(panes.keyTexts)
  const strings = new NumberedTexts(panes.strings)
  const spilled = new ByteWriter()
  let expiresAtMs = watermarkMs
  slots.forEach((slot, i) => {
    const base = i * WORDS
    keys.use(words[base + layout.I_KEY] ?? NONE)
    useStrings(words, base, panes, slot, strings, spilled)
    expiresAtMs = Math.max(expiresAtMs, ((words[base + layout.I_PANE] ?? 0) + detector.longestPanes) * PANE_MS)
  })
  const added = full ? ids.takeAll(watermarkMs) : ids.takeAdded(watermarkMs)
  const times = new Float64Array(added.bits.buffer, added.bits.byteOffset, added.bits.length / 2)
  for (let i = 2; i < times.length; i += 3) expiresAtMs = Math.max(expiresAtMs, (times[i] ?? 0) + 1)
  const idTexts = new NumberedTexts({ textOf: (ref) => added.texts[ref]?.[0] ?? '', copyText: () => -1 })
  const idTimes = new ByteWriter()
  added.texts.forEach(([, eventMs], ref) => {
    idTexts.use(ref)
    idTimes.i32(ref)
    idTimes.f64(eventMs)
    expiresAtMs = Math.max(expiresAtMs, eventMs + 1)
  })
  const parts = [bytesOf(words), spilled.finish(), bytesOf(added.bits), idTimes.finish()]
  for (const texts of [keys, strings, idTexts]) parts.push(texts.finish())
  // As large as it becomes: to grow would leave twice as much behind.
  const piece = new ByteWriter(parts.reduce((sum, part) => sum + 4 + part.length, 1))
  piece.u8(PIECE_FORMAT)
  for (const part of parts) piece.raw(part)
  return { bytes: piece.finish(), expiresAtMs }
}

/**
 * Puts a piece back, on top of the pieces before it.
 * @throws GuardianError GRD_SNAPSHOT_REFUSED for bytes that are no piece of a known format
 */
export function restorePiece(detector: PartitionDetector, bytes: Uint8Array): void {
  try {
    const piece = new ByteReader(bytes)
    const format = piece.u8()
    if (format !== PIECE_FORMAT) throw new RangeError(`piece format ${format} is not known`)
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
    detector.ids.restore(bits, texts, detector.watermarkMs)
  } catch (cause) {
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'a piece of the detection state cannot be read', { cause })
  }
}

/** Notes the strings that a pane refers to, and writes the values that do not fit inline. */
function useStrings(
  words: Int32Array,
  base: number,
  panes: PaneStore,
  slot: number,
  strings: NumberedTexts,
  spilled: ByteWriter,
): void {
  const actor = words[base + layout.I_ACTOR] ?? NONE
  if (actor !== NONE) strings.use(actor)
  const idIsText = words[base + layout.I_ID_IS_TEXT] ?? 0
  if (idIsText & layout.FIRST_ID_IS_TEXT) strings.use(words[base + layout.I_FIRST_ID] ?? NONE)
  if (idIsText & layout.LAST_ID_IS_TEXT) strings.use(words[base + layout.I_LAST_ID] ?? NONE)
  const count = words[base + layout.I_VALUES] ?? 0
  if (count <= layout.INLINE_VALUES) {
    for (let i = 0; i < count; i++) strings.use(words[base + layout.I_INLINE + i] ?? NONE)
    return
  }
  for (const value of panes.valuesOf(slot)) {
    strings.use(value)
    spilled.i32(value)
  }
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
  if (count < 0 || word(layout.I_COUNT) < count) throw new RangeError('a pane has more values than events')
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

const bytesOf = (words: Int32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength)

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
