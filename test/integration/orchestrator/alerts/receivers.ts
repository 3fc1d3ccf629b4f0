import assert from 'node:assert/strict'
import { TOPICS } from '../../../../domain/events.js'
import { keyIn, type AlertStage } from '../../../support/alert-stage.js'
import { waitUntil } from '../../../support/child-process.js'
import { batch } from '../../../support/dead-letters.js'

const { clicks, purchases } = TOPICS

/** Receivers that fail, refuse, throttle or hang: what is sent again, what is not, and what stops the asking. */
export function receivers(open: () => AlertStage): void {
  let stage: AlertStage
  before(() => (stage = open()))

  const attempts = async () =>
    (
      await stage.stage.db.query<{ channel: string; state: string; attempts: number; last_fault: string | null }>(
        `SELECT d.channel, d.state, d.attempts, d.last_fault FROM alert_deliveries d
          JOIN alert_history h USING (alert_id) ORDER BY h.decided_ts DESC, h.fingerprint, d.channel LIMIT 2`,
      )
    ).rows

  it('Slack fails, throttles and is asked again when it said; e-mail is sent once meanwhile', async () => {
    const [requests, mails] = [stage.slack.requests.length, stage.mail.mails.length]
    stage.slack.next({ kind: 'answer', status: 500 }, { kind: 'answer', status: 429, retryAfter: '2' })
    await stage.sendDeadLetters(batch('INVALID', clicks, 12))
    await stage.look()
    await stage.delivered()
    const [, throttled, last] = stage.slack.requests.slice(requests)
    assert.ok(throttled && last && last.atMs - throttled.atMs >= 1_900, 'it did not wait as it was asked to')
    assert.equal(stage.slack.requests.length - requests, 3)
    assert.equal(stage.mail.mails.length - mails, 1)
    assert.doesNotMatch(stage.lastText(), /sent again/)
    assert.deepEqual(
      (await attempts()).map(({ channel, state, attempts: tried }) => [channel, state, tried]),
      [
        ['email', 'sent', 1],
        ['slack', 'sent', 3],
      ],
    )
  })

  it('what may have arrived is sent again with the same key, and says so', async () => {
    const taken = stage.slack.taken.length
    stage.slack.next({ kind: 'hang', takes: true }, { kind: 'cut' })
    await stage.sendDeadLetters(batch('FUTURE_TIMESTAMP', purchases, 12))
    await stage.look()
    await stage.delivered()
    const texts = stage.slack.taken.slice(taken).map(({ text }) => text)
    assert.deepEqual(
      texts.map((text) => text.includes('sent again')),
      [false, true, true],
    )
    assert.equal(new Set(texts.map(keyIn)).size, 1)
    assert.notEqual(keyIn(texts[0] ?? ''), '')
  })

  it('a mail server that is busy is asked again; one that refuses is not, and Slack is not held up', async () => {
    const [taken, mails] = [stage.slack.taken.length, stage.mail.mails.length]
    stage.mail.next(451)
    await stage.sendDeadLetters(batch('TOO_LARGE', purchases, 12))
    await stage.look()
    await stage.delivered()
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [1, 1])
    stage.mail.next(554)
    await stage.sendDeadLetters(batch('DECODE', purchases, 12))
    await stage.look()
    await stage.delivered()
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [2, 1])
    assert.deepEqual(
      (await attempts()).map(({ channel, state, last_fault }) => [channel, state, last_fault]),
      [
        ['email', 'failed', 'SMTP_554'],
        ['slack', 'sent', null],
      ],
    )
  })

  it('receivers that do not answer are not asked for a while: their circuits open, try, and close again', async () => {
    const channels = ['slack', 'email'] as const
    const metrics = async () => {
      const port = stage.orchestrator.said(/"metricsPort":(\d+)/) ?? ''
      return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    }
    const figure = (text: string, name: string, ...labels: string[]) => {
      const line = text.split('\n').find((one) => one.startsWith(name) && labels.every((label) => one.includes(label)))
      return Number(line?.split(' ').at(-1) ?? 0)
    }
    const changes = (text: string, channel: string) =>
      ['open', 'half_open', 'closed'].map((to) =>
        figure(text, 'guardian_circuit_transitions_total', `"${channel}"`, `to="${to}"`),
      )
    const stored = async () =>
      (await stage.stage.db.query<{ circuit: string }>('SELECT c.circuit FROM alert_channels c')).rows.map(
        ({ circuit }) => circuit,
      )
    const [taken, mails] = [stage.slack.taken.length, stage.mail.mails.length]
    stage.slack.decideBy(() => ({ kind: 'answer', status: 503 }))
    stage.mail.next(421, 421, 421)
    await stage.sendDeadLetters(
      batch('INVALID', clicks, 30),
      batch('FUTURE_TIMESTAMP', purchases, 30),
      batch('TOO_LARGE', purchases, 30),
    )
    await stage.look({ warning: 10, critical: 20 })
    const areAll = async (state: string) => (await stored()).join() === `${state},${state}`
    await waitUntil(
      () => 'the circuits did not open',
      10_000,
      () => areAll('open'),
    )
    assert.deepEqual(changes(await metrics(), 'slack'), [1, 0, 0])
    stage.slack.decideBy(() => undefined)
    const asked = stage.slack.requests.length
    await stage.delivered()
    await waitUntil(
      () => 'the circuits did not close',
      5_000,
      () => areAll('closed'),
    )
    const text = await metrics()
    for (const channel of channels) {
      assert.deepEqual(changes(text, channel), [1, 1, 1], channel)
      assert.equal(figure(text, 'guardian_circuit_state', `"${channel}"`, 'state="closed"'), 1)
      assert.ok(figure(text, 'guardian_circuit_refused_total', `"${channel}"`) >= 1)
    }
    assert.equal(stage.slack.requests.length - asked, 3, 'each message was sent once more, when the circuit let it')
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [3, 3])
  })

  it('a worker that is killed while it sends loses nothing and repeats no channel that was done', async () => {
    const [taken, mails] = [stage.slack.taken.length, stage.mail.mails.length]
    stage.slack.next({ kind: 'hang', takes: false })
    await stage.sendDeadLetters(batch('made up', clicks, 2_000))
    await stage.look()
    await waitUntil(
      () => 'nothing is being sent',
      10_000,
      () =>
        Promise.resolve(
          stage.mail.mails.length > mails && stage.slack.requests.at(-1)?.text.includes('2,000') === true,
        ),
    )
    await stage.orchestrator.kill()
    await stage.restart()
    await stage.delivered(40_000)
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [1, 1])
    assert.match(stage.slack.taken.at(-1)?.text ?? '', /sent again/)
  })

  it('says at its start what is on, and nowhere what is secret', async () => {
    assert.deepEqual(
      ['alert_channel_on', 'alert_channel_off', 'secret-of-the'].map((text) => stage.orchestrator.says(text)),
      [2, 0, 0],
    )
    const { rows } = await stage.stage.db.query<{ text: string }>(
      'SELECT coalesce(string_agg(d::text, chr(10)), $1) AS text FROM alert_deliveries d',
      [''],
    )
    assert.doesNotMatch(rows[0]?.text ?? '', /secret-of-the/)
    assert.ok(stage.mail.mails.length > 0)
  })
}
