import { GuardianError } from '../../errors.js'
import { PANE_MS } from '../../windowing/pane.js'
import type { PaneStore, PaneView } from '../../windowing/pane-store.js'
import type { PartitionDetector } from '../partition-detector.js'
import { ByteReader, ByteWriter, TextTable } from './bytes.js'

/** Raised when the layout below changes; an older piece is read by the reader of its own number. */
const PIECE_FORMAT = 1
const NONE = -1

/** Part of a detector's state: the panes and event ids that changed since the piece before it, or all of them. */
export interface Piece {
  readonly bytes: Uint8Array
  /** When the watermark is here, nothing in the piece is needed any more. */
  readonly expiresAtMs: number
}

/**
 * Takes what changed since the last piece, or everything.
 *
 * Layout, little-endian: format (u8); panes (raw: count, then key, pane, events, first and last offset, actor and its
 * offset, first and last event id, values); ids (raw: words as the set keeps them); id texts (raw: text, event time);
 * text table (raw). A text is a number into the text table.
 */
export function takePiece(detector: PartitionDetector, full: boolean): Piece {
  const texts = new TextTable()
  const { panes, ids, watermarkMs } = detector
  const slots = panes.takeChanged(full)
  const paneBytes = new ByteWriter()
  paneBytes.i32(slots.length)
  let expiresAtMs = watermarkMs
  for (const slot of slots) {
    const view = panes.view(slot)
    writePane(paneBytes, view, panes, texts)
    expiresAtMs = Math.max(expiresAtMs, (view.pane + detector.longestPanes) * PANE_MS)
  }
  const added = full ? ids.takeAll(watermarkMs) : ids.takeAdded(watermarkMs)
  const times = new Float64Array(added.bits.buffer, added.bits.byteOffset, added.bits.length / 2)
  for (let i = 2; i < times.length; i += 3) expiresAtMs = Math.max(expiresAtMs, (times[i] ?? 0) + 1)
  const textBytes = new ByteWriter()
  for (const [id, eventMs] of added.texts) {
    textBytes.i32(texts.refOf(id))
    textBytes.f64(eventMs)
    expiresAtMs = Math.max(expiresAtMs, eventMs + 1)
  }
  const piece = new ByteWriter()
  piece.u8(PIECE_FORMAT)
  piece.raw(paneBytes.finish())
  piece.raw(new Uint8Array(added.bits.buffer, added.bits.byteOffset, added.bits.byteLength))
  piece.raw(textBytes.finish())
  piece.raw(texts.finish())
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
    const paneReader = new ByteReader(piece.raw())
    const bits = piece.raw()
    const idTexts = new ByteReader(piece.raw())
    const texts = TextTable.read(piece.raw())
    if (!piece.done) throw new RangeError('bytes are left over')
    for (let left = paneReader.i32(); left > 0; left--) detector.panes.restore(readPane(paneReader, texts))
    const added: [string, number][] = []
    while (!idTexts.done) added.push([textOf(texts, idTexts.i32()), idTexts.f64()])
    detector.ids.restore(new Int32Array(bits.buffer, bits.byteOffset, bits.byteLength / 4), added, detector.watermarkMs)
  } catch (cause) {
    throw new GuardianError('GRD_SNAPSHOT_REFUSED', 'a piece of the detection state cannot be read', { cause })
  }
}

function writePane(writer: ByteWriter, view: PaneView, panes: PaneStore, texts: TextTable): void {
  writer.i32(texts.refOf(view.key))
  writer.f64(view.pane)
  writer.i32(view.count)
  writer.f64(view.firstOffset)
  writer.f64(view.lastOffset)
  writer.i32(view.actor === null ? NONE : texts.refOf(view.actor))
  writer.f64(view.actorOffset)
  writeId(writer, view.firstId, texts)
  writeId(writer, view.lastId, texts)
  writer.i32(view.values.length)
  for (const value of view.values) writer.i32(texts.refOf(panes.strings.textOf(value)))
}

function readPane(reader: ByteReader, texts: readonly string[]): Parameters<PaneStore['restore']>[0] {
  const key = textOf(texts, reader.i32())
  const pane = reader.f64()
  const count = reader.i32()
  const firstOffset = reader.f64()
  const lastOffset = reader.f64()
  const actorRef = reader.i32()
  const actorOffset = reader.f64()
  const firstId = readId(reader, texts)
  const lastId = readId(reader, texts)
  const values = Array.from({ length: reader.i32() }, () => textOf(texts, reader.i32()))
  const actor = actorRef === NONE ? null : textOf(texts, actorRef)
  return { key, pane, count, firstOffset, lastOffset, actor, actorOffset, firstId, lastId, values }
}

function writeId(writer: ByteWriter, id: string | Int32Array, texts: TextTable): void {
  if (typeof id === 'string') {
    writer.u8(1)
    writer.i32(texts.refOf(id))
    return
  }
  writer.u8(0)
  for (const word of id) writer.i32(word)
}

function readId(reader: ByteReader, texts: readonly string[]): string | Int32Array {
  if (reader.u8() === 1) return textOf(texts, reader.i32())
  return Int32Array.from({ length: 4 }, () => reader.i32())
}

function textOf(texts: readonly string[], ref: number): string {
  const text = texts[ref]
  if (text === undefined) throw new RangeError(`text ${ref} is not in the piece`)
  return text
}
