import { log, proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { NotifyActivities } from '../activities/notify/notify-activities.js'
import type { Channel } from '../domain/alerting/channel.js'
import type { DeliverAlertInput, DeliverAlertResult } from './contract.js'
import { failureReason } from './failure-reason.js'

const { sendSlack, sendEmail } = proxyActivities<NotifyActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '10 seconds',
  scheduleToCloseTimeout: '6 hours', // longer, and the alert says nothing that is still true
  retry: {
    initialInterval: '1 second',
    backoffCoefficient: 2,
    maximumInterval: '5 minutes', // a receiver's own Retry-After comes before it
  },
})
const { giveUpDelivery } = proxyActivities<NotifyActivities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
})

type Outcome = 'sent' | 'failed' | 'not_owed'

/**
 * Delivers one alert on every channel at once. Each channel has its own attempts: one that fails neither holds up the
 * other nor makes it send again.
 */
export async function deliverAlert({ alertId, channels }: DeliverAlertInput): Promise<DeliverAlertResult> {
  const outcomes: Partial<Record<Channel, Outcome>> = {}
  const say = () => setCurrentDetails(channels.map((one) => `- ${one}: ${outcomes[one] ?? 'under way'}`).join('\n'))
  say()
  await Promise.all(
    channels.map(async (channel) => {
      outcomes[channel] = await deliver(channel, alertId)
      say()
    }),
  )
  return outcomes
}

async function deliver(channel: Channel, alertId: string): Promise<Outcome> {
  try {
    return await (channel === 'slack' ? sendSlack({ alertId }) : sendEmail({ alertId }))
  } catch (error) {
    log.error('alert_delivery_given_up', { alertId, channel, reason: failureReason(error) })
    await giveUpDelivery({ alertId, channel })
    return 'failed'
  }
}
