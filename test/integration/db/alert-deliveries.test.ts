import assert from 'node:assert/strict'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { createNotifyActivities, type NotifyDeps } from '../../../activities/notify/notify-activities.js'
import { giveDeliveryUp, isDeliveryOwed } from '../../../db/stores/alert-deliveries.js'
import { recordLook } from '../../../db/stores/alert-looks.js'
import type { Channel } from '../../../domain/alerting/channel.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

describe('an alert for a channel that the worker does not have', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  before(async () => {
    database = await createMigratedDatabase('alert deliveries')
  })
  after(() => database.drop())

  /** Decides on an alert while these channels are on, and has the worker asked to send it to Slack. */
  const sendSlack = async (lookId: string, channels: Channel[]) => {
    const { db } = database
    const look = await recordLook(db, {
      ...{ lookId, at: new Date(), sources: ['dead-letters'], channels, keptMs: 86_400_000 },
      policy: { windowMs: 60_000, recoverAfterMs: 60_000 },
      observations: [
        {
          ...{ source: 'dead-letters', fingerprint: lookId, cause: 'Dead letters DECODE', severity: 'warning' },
          ...{ count: 12, figures: {}, links: [] },
        },
      ],
    })
    const id = { alertId: look.sent[0] ?? '', channel: 'slack' } as const
    const without: Pick<NotifyDeps, 'senders' | 'isDeliveryOwed'> = {
      senders: new Map(),
      isDeliveryOwed: (of) => isDeliveryOwed(db, of),
    }
    const { sendSlack: send } = createNotifyActivities(without as NotifyDeps)
    const quiet = { logger: new DefaultLogger('ERROR', () => undefined) }
    const attempt = () => new MockActivityEnvironment({}, quiet).run(send, id)
    return { id, attempt }
  }

  it('is done with when the channel was off as the alert was decided', async () => {
    const { attempt } = await sendSlack('off', ['email'])
    assert.equal(await attempt(), 'not_owed')
  })

  it('waits for a worker that has it when it was on, until it is given up', async () => {
    const { id, attempt } = await sendSlack('on', ['slack'])
    await assert.rejects(attempt(), /slack is not configured on this worker/)
    await giveDeliveryUp(database.db, id, 'GAVE_UP')
    assert.equal(await attempt(), 'not_owed')
  })
})
