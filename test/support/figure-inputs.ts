import { UTC } from '../../domain/shop-day.js'

/** Of a test that is not about the bounds of a day. */
export const NO_BOUNDS = { fromMs: 0, toMs: 0 } as const

/** What figures of a UTC day without a quarantined record were made of. */
export const NOTHING_LEFT_OUT = {
  releasedDigest: 'd41d8cd98f00b204e9800998ecf8427e', // MD5 of nothing
  quarantinedRecords: 0,
  droppedRecords: 0,
  sums: { amounts: {}, units: '0' },
  timeZone: UTC,
  bounds: NO_BOUNDS,
} as const
