/** Where alerts go. A closed list: it is a column and a metric label. */
export const CHANNELS = ['slack', 'email'] as const
export type Channel = (typeof CHANNELS)[number]

/**
 * Names one message on one channel, for good: every attempt to send it carries the same key, so that a receiver can
 * tell a repeat.
 */
export const deliveryKeyOf = (alertId: string, channel: Channel): string => `${channel}-${alertId}`
