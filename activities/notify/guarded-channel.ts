import { CircuitOpenError, type CircuitBreaker } from '../../platform/resilience/circuit-breaker.js'
import { DeliveryFault, type ChannelSender, type GuardedSender } from './channel-sender.js'

/** What opens the circuit to a receiver: one that says no, or to come back later, is there. */
export const isOutage = (error: unknown): boolean => error instanceof DeliveryFault && error.isOutage

/** A channel that is not tried while its receiver does not answer: nothing is claimed or sent then. */
export const guardChannel = (sender: ChannelSender, breaker: CircuitBreaker): GuardedSender => ({
  refusedForMs: () => breaker.refusal()?.retryAfterMs,
  send: async (outgoing) => {
    try {
      await breaker.execute(() => sender.send(outgoing))
    } catch (error) {
      if (!(error instanceof CircuitOpenError)) throw error
      throw new DeliveryFault('CIRCUIT_OPEN', 'not_sent', error.retryAfterMs)
    }
  },
  stop: () => sender.stop(),
})
