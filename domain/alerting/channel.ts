/** Where alerts go. A closed list: it is a column and a metric label. */
export const CHANNELS = ['slack', 'email'] as const
export type Channel = (typeof CHANNELS)[number]

/** How the circuit to a channel's receiver stands. */
export const CHANNEL_CIRCUITS = ['closed', 'open', 'half_open'] as const
export type ChannelCircuit = (typeof CHANNEL_CIRCUITS)[number]

/**
 * Names one message on one channel, for good: every attempt to send it carries the same key, so that a receiver can
 * tell a repeat.
 */
export const deliveryKeyOf = (alertId: string, channel: Channel): string => `${channel}-${alertId}`
