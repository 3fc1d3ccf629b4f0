import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApplicationFailure } from '@temporalio/common'
import { messageOf, type Alert } from '../../domain/alerting/alert-message.js'
import { CHANNELS, deliveryKeyOf, type Channel } from '../../domain/alerting/channel.js'
import { GuardianError, isRetryable, type ErrorCode } from '../../domain/errors.js'
import { asActivity } from '../activity-failure.js'
import { DeliveryFault, type GuardedSender } from './channel-sender.js'

export interface DeliveryId {
  readonly alertId: string
  readonly channel: Channel
}

export type DeliveryClaim =
  | { readonly kind: 'claimed'; readonly attempt: number; readonly isRepeat: boolean }
  | { readonly kind: 'ended'; readonly state: 'sent' | 'failed' }
  | { readonly kind: 'held'; readonly forMs: number }
  | { readonly kind: 'unknown_delivery' }

export interface NotSent {
  readonly fault: string
  readonly mayHaveArrived: boolean
  readonly isFinal: boolean
}

export type DeliveryOutcome = 'sent' | 'failed' | 'not_owed'

/** One word per attempt, for the metric. */
export type AttemptOutcome = 'sent' | 'not_sent' | 'unknown' | 'refused'

export interface NotifyDeps {
  readonly getAlert: (alertId: string) => Promise<Alert | undefined>
  readonly claimDelivery: (id: DeliveryId, token: string, leaseMs: number) => Promise<DeliveryClaim>
  readonly isDeliveryOwed: (id: DeliveryId) => Promise<boolean>
  readonly markSent: (id: DeliveryId) => Promise<void>
  readonly markNotSent: (id: DeliveryId, token: string, how: NotSent) => Promise<boolean>
  readonly giveDeliveryUp: (id: DeliveryId, fault: string) => Promise<void>
  /** The channels that are configured. */
  readonly senders: ReadonlyMap<Channel, GuardedSender>
  /** Where people reach the API. */
  readonly baseUrl: string
  /** For one attempt to send. */
  readonly sendTimeoutMs: number
  readonly onAttempt: (channel: Channel, outcome: AttemptOutcome) => void
}

/**
 * Activities that send alerts. The right to send is stored before anything is sent, so that an attempt that was
 * overtaken, frozen or repeated does not send beside another; what was sent is never sent again.
 */
export function createNotifyActivities(deps: NotifyDeps) {
  const deliver = (id: DeliveryId): Promise<DeliveryOutcome> => asActivity(() => attempt(deps, id))
  return {
    sendSlack: ({ alertId }: { readonly alertId: string }) => deliver({ alertId, channel: 'slack' }),
    sendEmail: ({ alertId }: { readonly alertId: string }) => deliver({ alertId, channel: 'email' }),
    /** Ends what was tried for long enough, so that it is known to have failed. */
    giveUpDelivery: ({ alertId, channel }: DeliveryId): Promise<void> =>
      asActivity(async () => {
        if (!CHANNELS.includes(channel)) throw new GuardianError('GRD_BAD_INPUT', 'no such channel')
        await deps.giveDeliveryUp({ alertId, channel }, 'GAVE_UP')
      }),
  }
}

export type NotifyActivities = ReturnType<typeof createNotifyActivities>

async function attempt(deps: NotifyDeps, id: DeliveryId): Promise<DeliveryOutcome> {
  const sender = deps.senders.get(id.channel)
  if (sender === undefined) {
    // Off when the alert was decided: nobody waits for it. On then: a worker that has the channel may take the next attempt.
    if (!(await deps.isDeliveryOwed(id))) return 'not_owed'
    throw tryAgain(`${id.channel} is not configured on this worker`, undefined)
  }
  const refusedForMs = sender.refusedForMs()
  if (refusedForMs !== undefined) throw tryAgain(`${id.channel} does not answer: its circuit is open`, refusedForMs)
  const { sendTimeoutMs } = deps
  const token = randomUUID()
  const claimedAt = performance.now()
  const claim = await deps.claimDelivery(id, token, 2 * sendTimeoutMs)
  if (claim.kind === 'unknown_delivery') return 'not_owed'
  if (claim.kind === 'ended') return claim.state
  if (claim.kind === 'held') throw tryAgain('another attempt is under way', claim.forMs + 50)
  const alert = await deps.getAlert(id.alertId)
  if (alert === undefined) return 'not_owed'
  const key = deliveryKeyOf(id.alertId, id.channel)
  const message = messageOf(alert, deps.baseUrl)
  // A process that was frozen since then is beyond its claim: another attempt may be sending by now.
  if (performance.now() - claimedAt > sendTimeoutMs) throw tryAgain('the claim is too old to send', sendTimeoutMs)
  try {
    await sender.send({ message, fingerprint: alert.fingerprint, key, isRepeat: claim.isRepeat })
  } catch (error) {
    if (!(error instanceof DeliveryFault)) throw error
    return await notSent(deps, id, token, error)
  }
  deps.onAttempt(id.channel, 'sent')
  await markSent(deps, id)
  return 'sent'
}

const MARK_ATTEMPTS = 10
const MARK_PAUSE_MS = 500

/** That it was sent is known here only: while the database is away, the claim keeps others from sending it again. */
async function markSent(deps: NotifyDeps, id: DeliveryId): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await deps.markSent(id)
      return
    } catch (error) {
      if (tried === MARK_ATTEMPTS || !isRetryable(error)) throw error
      await sleep(MARK_PAUSE_MS)
    }
  }
}

async function notSent(deps: NotifyDeps, id: DeliveryId, token: string, fault: DeliveryFault): Promise<'failed'> {
  deps.onAttempt(id.channel, fault.certainty)
  const isFinal = fault.certainty === 'refused'
  await deps.markNotSent(id, token, { fault: fault.fault, mayHaveArrived: fault.certainty === 'unknown', isFinal })
  if (isFinal) return 'failed'
  throw tryAgain(fault.fault, fault.retryAfterMs)
}

const tryAgain = (message: string, afterMs: number | undefined): ApplicationFailure =>
  ApplicationFailure.create({
    message,
    type: 'GRD_DELIVERY_PENDING' satisfies ErrorCode,
    ...(afterMs === undefined ? {} : { nextRetryDelay: Math.max(1, Math.ceil(afterMs)) }),
  })
