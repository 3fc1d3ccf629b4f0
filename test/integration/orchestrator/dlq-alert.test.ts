import assert from 'node:assert/strict'
import { TOPICS } from '../../../domain/events.js'
import { AlertStage, keyIn } from '../../support/alert-stage.js'
import { insertBursts } from '../../support/bursts.js'
import { sendDeadLetters, type DeadLetterBatch } from '../../support/dead-letters.js'
import { waitUntil } from '../../support/child-process.js'
import { useTestStack } from '../../support/stack.js'

const { clicks, purchases } = TOPICS
const batch = (code: string, topic: string, count: number): DeadLetterBatch => ({ code, topic, count })

describe('dead letters that are told of', function () {
  this.timeout(180_000)
  useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let stage: AlertStage
  before(async () => (stage = await AlertStage.open({ BREAKER_PAUSE_MS: '2000' })))
  after(() => stage.close())

  const send = (...batches: DeadLetterBatch[]) => sendDeadLetters(stage.stage.servers.kafkaBrokers, batches)
  const subjects = () => stage.mail.mails.map(({ headers }) => headers['subject'])
  const lastText = () => stage.slack.taken.at(-1)?.body.text ?? ''
  const attempts = async () =>
    (
      await stage.stage.db.query<{ channel: string; state: string; attempts: number; last_fault: string | null }>(
        `SELECT d.channel, d.state, d.attempts, d.last_fault FROM alert_deliveries d
          JOIN alert_history h USING (alert_id) ORDER BY h.decided_ts DESC, h.fingerprint, d.channel LIMIT 2`,
      )
    ).rows

  it('a storm of thousands is one message per cause and channel, with exact counts', async () => {
    await send(batch('DECODE', clicks, 3_210), batch('INVALID', purchases, 15), batch('FUTURE_TIMESTAMP', clicks, 9))
    await send(batch('made up', 'by somebody', 11))
    const look = await stage.look()
    assert.deepEqual([look.counted, look.left, look.missed, look.sent.length, look.suppressed], [3_245, 0, 0, 3, 0])
    await stage.delivered()
    assert.deepEqual(
      (await stage.history()).map((row) => [row.fingerprint, row.severity, row.outcome, row.event_count]),
      [
        [`dead-letters:${clicks}:DECODE`, 'critical', 'sent', 3_210],
        [`dead-letters:${purchases}:INVALID`, 'warning', 'sent', 15],
        ['dead-letters:other:other', 'warning', 'sent', 11],
      ],
    )
    assert.deepEqual([stage.slack.taken.length, stage.mail.mails.length], [3, 3])
    const critical = stage.slack.taken.find(({ text }) => text.includes('Critical'))
    assert.match(critical?.body.text ?? '', /3210 in this look/)
    assert.equal(critical?.body.blocks?.length, 5)
    assert.deepEqual(stage.mail.mails[0]?.to, ['on-call@shop.example', 'fraud@shop.example'])
  })

  it('the same again is recorded with what suppressed it, and not sent; worse is sent', async () => {
    await send(batch('DECODE', clicks, 1_000), batch('INVALID', purchases, 20))
    const again = await stage.look()
    assert.deepEqual([again.counted, again.sent.length, again.suppressed], [1_020, 0, 2])
    const rows = await stage.history()
    const first = rows.find((row) => row.fingerprint.endsWith('INVALID') && row.outcome === 'sent')
    const suppressed = rows.find((row) => row.fingerprint.endsWith('INVALID') && row.outcome === 'suppressed')
    assert.deepEqual([suppressed?.suppressed_by, suppressed?.suppressed_by_id], ['window', first?.alert_id])
    await send(batch('INVALID', purchases, 1_000))
    assert.equal((await stage.look()).sent.length, 1)
    await stage.delivered()
    assert.match(lastText(), /Critical: Dead letters INVALID from km\.purchases\.v1\n1000 in this look/)
    assert.match(lastText(), /1 more alerts that were not sent, 20 more of it counted/)
    assert.equal((await stage.look()).counted, 0)
  })

  it('mails of one cause make a thread, each with an id of its own', () => {
    const of = (text: string) => stage.mail.mails.filter(({ headers }) => headers['subject']?.includes(text))
    const invalid = of('INVALID')
    assert.equal(invalid.length, 2)
    assert.equal(new Set(invalid.map(({ headers }) => headers['references'])).size, 1)
    assert.equal(new Set(invalid.map(({ headers }) => headers['subject'])).size, 1)
    assert.equal(new Set(invalid.map(({ headers }) => headers['message-id'])).size, 2)
    assert.notEqual(of('DECODE')[0]?.headers['references'], invalid[0]?.headers['references'])
    assert.ok(invalid.every(({ raw }) => raw.includes('text/plain') && raw.includes('text/html')))
  })

  it('a look reads no more than it may, and the next one goes on from there', async () => {
    await send(batch('TOO_LARGE', clicks, 60))
    const parts = [await stage.look(undefined, 25), await stage.look(undefined, 25), await stage.look(undefined, 25)]
    assert.deepEqual(
      parts.map(({ counted, left }) => [counted, left]),
      [
        [25, 35],
        [25, 10],
        [10, 0],
      ],
    )
    await stage.delivered()
  })

  it('Slack fails, throttles and is asked again when it said; e-mail is sent once meanwhile', async () => {
    const [requests, mails] = [stage.slack.requests.length, stage.mail.mails.length]
    stage.slack.next({ kind: 'answer', status: 500 }, { kind: 'answer', status: 429, retryAfter: '2' })
    await send(batch('INVALID', clicks, 12))
    await stage.look()
    await stage.delivered()
    const [, throttled, last] = stage.slack.requests.slice(requests)
    assert.ok(throttled && last && last.atMs - throttled.atMs >= 1_900, 'it did not wait as it was asked to')
    assert.equal(stage.slack.requests.length - requests, 3)
    assert.equal(stage.mail.mails.length - mails, 1)
    assert.doesNotMatch(lastText(), /sent again/)
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
    await send(batch('FUTURE_TIMESTAMP', purchases, 12))
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
    await send(batch('TOO_LARGE', purchases, 12))
    await stage.look()
    await stage.delivered()
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [1, 1])
    stage.mail.next(554)
    await send(batch('DECODE', purchases, 12))
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
    await send(
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
    await send(batch('made up', clicks, 2_000))
    await stage.look()
    await waitUntil(
      () => 'nothing is being sent',
      10_000,
      () =>
        Promise.resolve(stage.mail.mails.length > mails && stage.slack.requests.at(-1)?.text.includes('2000') === true),
    )
    await stage.orchestrator.kill()
    await stage.restart()
    await stage.delivered(40_000)
    assert.deepEqual([stage.slack.taken.length - taken, stage.mail.mails.length - mails], [1, 1])
    assert.match(stage.slack.taken.at(-1)?.text ?? '', /sent again/)
  })

  it('tells of gaps, failed runs, differences, bursts, lag, schedules that do not run; each happening once', async () => {
    const { db } = stage.stage
    const before = (await stage.history()).length
    await db.query(`UPDATE alert_watches SET watched_until = now() - interval '10 minutes'`)
    await db.query(
      `INSERT INTO data_gaps (topic, kafka_partition, from_offset, to_offset, detected_ts, cause)
       VALUES ($1, 0, 5, 45, now() - interval '5 minutes', 'retention')`,
      [clicks],
    )
    await db.query(
      `INSERT INTO pipeline_runs (workflow_id, run_id, workflow_type, status, started_ts, ended_ts, details)
       VALUES ('daily-kpi:2026-10-01', 'r1', 'dailyKpi', 'failed', now() - interval '6 minutes',
               now() - interval '5 minutes', '{"reason": "no archive"}')`,
    )
    await db.query(
      `INSERT INTO reconciliations (day, expected_rows, stored_rows, missing, extra, different, reconciled_ts)
       VALUES ('2026-10-01', 9, 8, 1, 0, 0, now() - interval '5 minutes'),
              ('2026-10-02', 9, 9, 0, 0, 0, now() - interval '5 minutes')`,
    )
    await db.query(
      `INSERT INTO pipeline_runs (workflow_id, run_id, workflow_type, status, started_ts, ended_ts, details)
       VALUES ('reconcile:2026-10-01', 'r2', 'reconcile', 'failed', now() - interval '6 minutes',
               now() - interval '4 minutes', '{"day": "2026-10-01", "reason": "1 missing"}')`,
    )
    await db.query(
      `INSERT INTO archive_gaps (topic, kafka_partition, from_offset, to_offset, detected_ts)
       VALUES ($1, 1, 5, 45, now() - interval '5 minutes')`,
      [clicks],
    )
    await insertBursts(db, clicks)
    await db.query(
      `INSERT INTO alert_looks (look_id, decided_ts) VALUES ('of long ago', now() - interval '91 days'),
              ('of the day before', now() - interval '89 days')`,
    )
    await stage.stage.ask(['simulate', '--day', '2026-01-10', '--events', '50', '--duration', '10s'])
    await new Promise((resolve) => setTimeout(resolve, 1_100)) // the records have to be older than the limit
    const first = await stage.watch()
    assert.deepEqual(first.unreadable, [])
    const told = (await stage.history()).slice(before).map(({ fingerprint, severity }) => `${fingerprint} ${severity}`)
    for (const expected of [
      `data-gaps:${clicks}:0:retention critical`,
      `data-gaps:${clicks}:1:not_archived critical`,
      'pipeline-runs:dailyKpi warning',
      'reconciliation:2026-10-01 critical',
      `detector-lag:${clicks} warning`,
      `archiver-lag:${clicks} warning`,
      'anomaly-burst:BOT_LIKE critical',
      'anomaly-burst:HIGH_FREQUENCY warning',
      'schedules:dlq-alert warning',
    ])
      assert.ok(told.includes(expected), `${expected} in ${told.join(', ')}`)
    assert.ok(!told.some((one) => /pipeline-runs:reconcile|reconciliation:2026-10-02/.test(one)), told.join(', '))
    const { rows } = await db.query<{ look_id: string }>(`SELECT * FROM alert_looks WHERE look_id LIKE 'of %'`)
    assert.deepEqual(
      rows.map(({ look_id }) => look_id),
      ['of the day before'],
    )
    await stage.delivered()
    await db.query(
      `INSERT INTO archive_checkpoints (topic, kafka_partition, owner_epoch, owner, next_offset)
       SELECT $1, p, 1, 'an archiver that is ahead', 1000000 FROM generate_series(0, 99) p`,
      [clicks],
    )
    const again = await stage.watch()
    assert.deepEqual(again.sent, [])
    const looks = async (fingerprint: string) =>
      (await stage.history()).filter((entry) => entry.fingerprint === fingerprint).length
    assert.deepEqual([await looks(`detector-lag:${clicks}`), await looks(`archiver-lag:${clicks}`)], [2, 1])
    const repeated = (await stage.history()).filter(({ fingerprint }) =>
      /^(data-gaps|pipeline-runs|reconciliation|anomaly-burst):/.test(fingerprint),
    )
    assert.equal(repeated.length, 6)
  })

  it('tells of a source that does not answer, and goes on with the others', async () => {
    await stage.stage.db.query('ALTER TABLE data_gaps RENAME TO data_gaps_away')
    const { unreadable, sent } = await stage.watch()
    await stage.stage.db.query('ALTER TABLE data_gaps_away RENAME TO data_gaps')
    assert.deepEqual([unreadable, sent.length], [['data-gaps'], 1])
    await stage.delivered()
    assert.match(lastText(), /What data-gaps says cannot be read/)
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
    assert.ok(subjects().length > 0)
  })
})
