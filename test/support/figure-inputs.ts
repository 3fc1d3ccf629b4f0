/** What figures of a day without a quarantined record were made of. */
export const NOTHING_LEFT_OUT = {
  releasedDigest: 'd41d8cd98f00b204e9800998ecf8427e', // MD5 of nothing
  quarantinedRecords: 0,
  droppedRecords: 0,
  sums: { amounts: {}, units: '0' },
} as const
