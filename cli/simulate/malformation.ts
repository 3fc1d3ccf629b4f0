import type { Click } from '../../domain/events.js'

/** The ways in which a record is made unfit, and the code that its dead letter must bear. */
export const MALFORMATIONS = {
  null_value: 'DECODE',
  empty_value: 'DECODE',
  short_frame: 'DECODE',
  wrong_magic_byte: 'DECODE',
  unknown_schema_id: 'DECODE',
  truncated: 'DECODE',
  trailing_bytes: 'DECODE',
  json_text: 'DECODE',
  empty_event_id: 'INVALID',
  empty_session_id: 'INVALID',
  before_2000: 'INVALID',
  after_9999: 'INVALID',
} as const

export type Malformation = keyof typeof MALFORMATIONS
export const MALFORMATION_KINDS = Object.keys(MALFORMATIONS) as readonly Malformation[]

/** Whether a record that is made unfit in this way still tells when it happened. */
export const hasEventTime = (malformation: Malformation): boolean =>
  malformation === 'empty_event_id' || malformation === 'empty_session_id'

/** A schema id that no registry gives out. */
const UNKNOWN_SCHEMA_ID = 0x7fff_fff0
/** 10000-01-01T00:00:00Z, in milliseconds since the epoch. */
const AFTER_9999_MS = 253_402_300_800_000

/**
 * The bytes of a record that is unfit in one way and fit in all others.
 * @param cut in [0, 1): where a truncated one ends
 */
export function malform(
  malformation: Malformation,
  click: Click,
  encode: (click: Click) => Buffer,
  cut: number,
): Buffer | null {
  switch (malformation) {
    case 'null_value':
      return null
    case 'empty_value':
      return Buffer.alloc(0)
    case 'short_frame':
      return encode(click).subarray(0, 4)
    case 'wrong_magic_byte':
      return overwrite(encode(click), (bytes) => bytes.writeUInt8(1, 0))
    case 'unknown_schema_id':
      return overwrite(encode(click), (bytes) => bytes.writeInt32BE(UNKNOWN_SCHEMA_ID, 1))
    case 'truncated': {
      const bytes = encode(click)
      return bytes.subarray(0, 5 + Math.floor(cut * (bytes.length - 5)))
    }
    case 'trailing_bytes':
      return Buffer.concat([encode(click), Buffer.alloc(1 + Math.floor(cut * 8), 0x2a)])
    case 'json_text':
      return Buffer.from(JSON.stringify(click))
    case 'empty_event_id':
      return encode({ ...click, event_id: '' })
    case 'empty_session_id':
      return encode({ ...click, session_id: '' })
    case 'before_2000':
      return encode({ ...click, event_ts: Math.floor(cut * 900_000_000_000) })
    case 'after_9999':
      return encode({ ...click, event_ts: AFTER_9999_MS })
  }
}

const overwrite = (bytes: Buffer, change: (bytes: Buffer) => void): Buffer => {
  change(bytes)
  return bytes
}
