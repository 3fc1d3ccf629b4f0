import type { StoredText } from '../../dedup/text-ids.js'
import { GuardianError } from '../../errors.js'
import { PANE_MS } from '../../windowing/pane.js'
import { I_PANE } from '../../windowing/pane-layout.js'
import type { PartitionDetector } from '../partition-detector.js'
import { readPane, writePane } from './pane-words.js'
import { PIECE_FORMAT_1, restorePieceFormat1 } from './piece-format-1.js'
import { NumberedTexts, readTexts } from './texts.js'
import { WordReader, WordWriter } from './words.js'

/** Raised when what is written below changes; an older piece is read by the reader of its own number. */
const PIECE_FORMAT = 3
/** The same, but of event ids without their session and contents. */
const PIECE_FORMAT_2 = 2
/** Most panes take fewer words: one event, one item. */
const WORDS_PER_PANE = 12
/** Left free in front of a piece, so that an envelope can be put around it where it lies: state is large to copy. */
const FREE_WORDS = 2

/** Part of a detector's state: the panes and event ids that changed since the piece before it, or all of them. */
export interface Piece {
  /** With eight free bytes in front of them in their buffer, which is nobody else's. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** When the watermark is here, nothing in the piece is needed any more. */
  readonly expiresAtMs: number
}

/**
 * Takes what changed since the last piece, or everything.
 *
 * Written in words of four bytes, little-endian: format, then five runs, each with its length in front: the panes
 * (`pane-words.ts`); the event ids as the set keeps them; ids that are texts (event time, hash of the contents, key); and the texts that panes
 * refer to by number, for keys and for strings. Nothing is compressed: to pack it would cost more than all the rest.
 */
export function takePiece(detector: PartitionDetector, full: boolean): Piece {
  const { panes, ids, longestPanes, watermarkMs } = detector
  const slots = panes.takeChanged(full)
  const keys = new NumberedTexts(panes.keyTexts)
  const strings = new NumberedTexts(panes.strings)
  const written = new WordWriter(slots.length * WORDS_PER_PANE + 64)
  let lastPane = Number.NEGATIVE_INFINITY
  for (const slot of slots) {
    writePane(written, panes, slot, keys, strings)
    lastPane = Math.max(lastPane, panes.blocks.word(slot, I_PANE))
  }
  let expiresAtMs = Math.max(watermarkMs, (lastPane + longestPanes) * PANE_MS)
  const added = full ? ids.takeAll(watermarkMs) : ids.takeAdded(watermarkMs)
  const times = new Float64Array(added.bits.buffer, added.bits.byteOffset, added.bits.length / 2)
  for (let i = 3; i < times.length; i += 4) expiresAtMs = Math.max(expiresAtMs, (times[i] ?? 0) + 1)
  const idTexts = new WordWriter(64)
  for (const [key, eventMs, contents] of added.texts) {
    idTexts.f64(eventMs)
    idTexts.i32(contents)
    idTexts.text(key)
    expiresAtMs = Math.max(expiresAtMs, eventMs + 1)
  }
  const runs = [written.finish(), added.bits, idTexts.finish(), keys.finish(), strings.finish()]
  const piece = new WordWriter(runs.reduce((sum, run) => sum + 1 + run.length, FREE_WORDS + 1))
  piece.wrote(FREE_WORDS)
  piece.i32(PIECE_FORMAT)
  for (const run of runs) piece.run(run)
  const { buffer, byteLength } = piece.finish()
  const free = FREE_WORDS * 4
  return { bytes: new Uint8Array(buffer, free, byteLength - free), expiresAtMs }
}

/**
 * Puts a piece back, on top of the pieces before it.
 * @throws GuardianError GRD_SNAPSHOT_REFUSED for bytes that are no piece of a known format
 */
export function restorePiece(detector: PartitionDetector, bytes: Uint8Array): void {
  try {
    const [format = 'none'] = bytes
    if (format === PIECE_FORMAT_1) restorePieceFormat1(detector, bytes)
    else if (format === PIECE_FORMAT || format === PIECE_FORMAT_2) restoreWords(detector, bytes, format)
    else throw new RangeError(`piece format ${format} is not known`)
  } catch (cause) {
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'a piece of the detection state cannot be read', { cause })
  }
}

function restoreWords(detector: PartitionDetector, bytes: Uint8Array, format: number): void {
  if (bytes.length % 4 !== 0) throw new RangeError('the piece ends in the middle of a word')
  // A copy of its own: the bytes may be a part of a larger buffer, and begin anywhere in it.
  const piece = new WordReader(new Int32Array(new Uint8Array(bytes).buffer))
  if (piece.i32() !== format) throw new RangeError('the word of its format is damaged')
  const panes = new WordReader(piece.run())
  const bits = piece.run()
  const idTexts = new WordReader(piece.run())
  const keys = readTexts(piece.run())
  const strings = readTexts(piece.run())
  if (!piece.done) throw new RangeError('bytes are left over')
  while (!panes.done) detector.panes.restore(readPane(panes, keys, strings))
  if (format === PIECE_FORMAT_2) restoreIdsFormat2(detector, bits, idTexts)
  else restoreIds(detector, bits, idTexts)
}

function restoreIds({ ids, watermarkMs }: PartitionDetector, bits: Int32Array, idTexts: WordReader): void {
  if (bits.length % 8 !== 0) throw new RangeError('the event ids end in the middle of one')
  const texts: StoredText[] = []
  while (!idTexts.done) {
    const [eventMs, contents] = [idTexts.f64(), idTexts.i32()]
    texts.push([idTexts.text(), eventMs, contents])
  }
  ids.restore(bits, texts, watermarkMs)
}

function restoreIdsFormat2({ ids, watermarkMs }: PartitionDetector, bits: Int32Array, idTexts: WordReader): void {
  if (bits.length % 6 !== 0) throw new RangeError('the event ids end in the middle of one')
  const texts: [string, number][] = []
  while (!idTexts.done) {
    const eventMs = idTexts.f64()
    texts.push([idTexts.text(), eventMs])
  }
  ids.restoreSessionless(bits, texts, watermarkMs)
}
