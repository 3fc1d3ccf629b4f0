import assert from 'node:assert/strict'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import { createNotifyActivities, type NotifyDeps } from '../../../activities/notify/notify-activities.js'
import { giveDeliveryUp, isDeliveryOwed } from '../../../db/stores/alert-deliveries.js'
import { recordLook } from '../../../db/stores/alert-looks.js'
import { createSilence, endSilence } from '../../../db/stores/alert-silences.js'
import type { Channel } from '../../../domain/alerting/channel.js'
import type { Observation, Severity } from '../../../domain/alerting/observation.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const BY = { actor: 'cli', actorName: 'test', requestId: 'r1' }

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
          ...{ count: 12, figures: {}, links: [], summary: '', sample: null, firstStep: '' },
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

describe('what was sent, and to whom', function () {
  this.timeout(30_000)
  useTestStack('postgres')
  const MINUTE = 60_000
  const START = Date.UTC(2026, 9, 6, 10)
  const DECODE = 'dead-letters:km.clicks.v1:DECODE'
  let database: MigratedDatabase
  let looks = 0
  beforeEach(async () => {
    database = await createMigratedDatabase('alert receivers')
  })
  afterEach(() => database.drop())

  const seen = (fingerprint = DECODE, severity: Severity = 'warning', count = 5): Observation => ({
    ...{ source: 'dead-letters', fingerprint, cause: `Cause ${fingerprint}`, severity, count, figures: {}, links: [] },
    ...{ summary: '', sample: null, firstStep: '' },
  })
  const look = (minute: number, observations: readonly Observation[], channels: readonly Channel[] = ['slack']) =>
    recordLook(database.db, {
      ...{ lookId: `look ${(looks += 1)}`, at: new Date(START + minute * MINUTE), observations, channels },
      ...{ sources: ['dead-letters'], keptMs: 90 * 24 * 60 * MINUTE },
      policy: { windowMs: 30 * MINUTE, recoverAfterMs: 10 * MINUTE },
    })
  const alerts = async () =>
    (
      await database.db.query<{
        kind: string
        fingerprint: string
        severity: string
        sample: string
        swallowed: number
      }>(
        `SELECT h.kind, h.fingerprint, h.severity, h.sample, h.swallowed_count::float8 AS swallowed FROM alert_history h
          WHERE h.outcome = 'sent' ORDER BY h.decided_ts, h.fingerprint`,
      )
    ).rows
  const silence = (id: string, from: number, to: number, matcher = 'dead-letters:*') =>
    createSilence(
      database.db,
      {
        ...{ silenceId: id, kind: 'silence', matcher, upTo: 'critical', reason: 'a test' },
        ...{ startsTs: new Date(START + from * MINUTE), endsTs: new Date(START + to * MINUTE) },
      },
      BY,
    )

  it('a message without a channel suppresses nothing, and the first that has one counts it', async () => {
    assert.deepEqual(await look(0, [seen()], []), { sent: [], suppressed: 1 })
    assert.deepEqual(await look(1, [seen()], []), { sent: [], suppressed: 1 })
    assert.equal((await look(2, [seen()])).sent.length, 1)
    assert.deepEqual(
      (await alerts()).map(({ swallowed }) => swallowed),
      [10],
    )
    assert.equal((await look(3, [seen()])).sent.length, 0)
  })

  it('a message that every channel gave up suppresses nothing; one that some channel may take does', async () => {
    const [alertId = ''] = (await look(0, [seen()], ['slack', 'email'])).sent
    await giveDeliveryUp(database.db, { alertId, channel: 'slack' }, 'SLACK_404')
    assert.equal((await look(1, [seen()], ['slack', 'email'])).sent.length, 0)
    await giveDeliveryUp(database.db, { alertId, channel: 'email' }, 'SMTP_554')
    assert.equal((await look(2, [seen()], ['slack', 'email'])).sent.length, 1)
    assert.deepEqual(
      (await alerts()).map(({ swallowed }) => swallowed),
      [0, 10],
    )
  })

  it('the end of a silence is one summary of what began and ended within it, and not of what people know', async () => {
    const [known, late] = ['dead-letters:km.clicks.v1:INVALID', 'dead-letters:km.clicks.v1:TOO_LARGE']
    await look(0, [seen(known)])
    await silence('s1', 1, 60)
    await look(5, [seen(DECODE, 'critical', 40), seen(known)])
    await look(6, [seen(DECODE, 'warning', 2)])
    await look(17, [])
    await look(58, [seen(late, 'warning', 3)])
    assert.equal((await look(59, [])).sent.length, 0)
    const ended = await look(60, [])
    assert.equal(ended.sent.length, 2, 'the summary, and the recovery that had waited')
    const [, ...told] = await alerts()
    assert.deepEqual(
      told.map(({ kind, fingerprint, severity }) => [kind, fingerprint, severity]),
      [
        ['recovered', known, 'warning'],
        ['summary', 'silences:s1', 'critical'],
      ],
    )
    assert.deepEqual(told[1]?.sample.split('\n'), [
      `• Critical: Cause ${DECODE} (42 counted in 2 alerts, 2026-10-06 10:05 UTC to 2026-10-06 10:06 UTC, over)`,
      `• Warning: Cause ${late} (3 counted in 1 alert, at 2026-10-06 10:58 UTC, not over)`,
    ])
    assert.equal((await look(61, [])).sent.length, 0, 'once')
    assert.equal((await look(70, [])).sent.length, 1, 'the end of what was not over')
    await look(71, [seen()])
    assert.deepEqual((await alerts()).at(-1)?.swallowed, 0, 'what the summary has said is not said again')
  })

  it('a summary waits for a channel and for another silence over the same', async () => {
    await silence('s1', 0, 10)
    await look(1, [seen()])
    await look(11, [], [])
    await silence('s2', 12, 20, 'dead-letters:km.clicks.v1:*')
    assert.equal((await look(13, [])).sent.length, 0)
    assert.equal((await look(20, [])).sent.length, 1)
    assert.deepEqual(
      (await alerts()).map(({ fingerprint }) => fingerprint),
      ['silences:s1'],
    )
  })

  it('a silence that swallowed nothing, and one that a person ends at once, have no more than is true', async () => {
    await silence('s1', 0, 10)
    await silence('s2', 0, 60)
    await look(1, [seen()])
    await endSilence(database.db, 's2', new Date(START + 5 * MINUTE), BY)
    const { sent } = await look(12, [])
    assert.equal(sent.length, 1)
    assert.equal((await alerts()).at(-1)?.fingerprint, 'silences:s2')
  })
})
