import type { AlertMessage } from '../../domain/alerting/alert-message.js'

export interface OutgoingMessage {
  readonly message: AlertMessage
  readonly fingerprint: string
  /** The same for every attempt at this message. */
  readonly key: string
  /** Whether an earlier attempt may have arrived. */
  readonly isRepeat: boolean
}

/** Sends messages on one channel. */
export interface ChannelSender {
  /** One attempt, bounded in time. @throws DeliveryFault */
  send(outgoing: OutgoingMessage): Promise<void>
  /** Closes connections that are kept. */
  stop(): void
}

/** A sender behind a circuit. */
export interface GuardedSender extends ChannelSender {
  /** How long no attempt will be let through; undefined when one would be made now. */
  refusedForMs(): number | undefined
}

export type Certainty = 'not_sent' | 'unknown' | 'refused'

/**
 * A message was not delivered, as far as we know. `certainty` is what the next attempt depends on: after `not_sent` it
 * is known not to have arrived, after `unknown` it may have, after `refused` no further attempt can help.
 */
export class DeliveryFault extends Error {
  override readonly name = 'DeliveryFault'

  constructor(
    /** A stable word: never what a server said, which could hold addresses or secrets. */
    readonly fault: string,
    readonly certainty: Certainty,
    /** How long the receiver asks us to wait. */
    readonly retryAfterMs?: number,
    /** Whether the receiver is away, or not itself, rather than one that works and says no. */
    readonly isOutage = certainty !== 'refused',
  ) {
    super(fault)
  }
}
