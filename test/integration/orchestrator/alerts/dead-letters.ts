import assert from 'node:assert/strict'
import { TOPICS } from '../../../../domain/events.js'
import type { AlertStage } from '../../../support/alert-stage.js'
import { batch } from '../../../support/dead-letters.js'

const { clicks, purchases } = TOPICS

/** What is told of dead letters, how bad it is, and what is not told again. */
export function deadLetters(open: () => AlertStage): void {
  let stage: AlertStage
  before(() => (stage = open()))

  it('a storm of thousands is one message per cause and channel, with exact counts', async () => {
    await stage.sendDeadLetters(
      batch('DECODE', clicks, 3_210),
      batch('INVALID', purchases, 15),
      batch('FUTURE_TIMESTAMP', clicks, 9),
    )
    await stage.sendDeadLetters(batch('made up', 'by somebody', 11))
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
    assert.match(
      critical?.body.text ?? '',
      /^Critical: Records of km\.clicks\.v1 cannot be decoded\n3,210 records could not be decoded in the last minute, from source web \(km\.clicks\.v1\)\.\nExample: km\.clicks\.v1, partition 0, offset 0: the schema registry has no event schema 7\.\nWhat to do first: /,
    )
    assert.equal(critical?.body.blocks?.length, 5)
    assert.deepEqual(stage.mail.mails[0]?.to, ['on-call@shop.example', 'fraud@shop.example'])
  })

  it('the same again is recorded with what suppressed it, and not sent; worse is sent', async () => {
    await stage.sendDeadLetters(batch('DECODE', clicks, 1_000), batch('INVALID', purchases, 20))
    const again = await stage.look()
    assert.deepEqual([again.counted, again.sent.length, again.suppressed], [1_020, 0, 2])
    const rows = await stage.history()
    const first = rows.find((row) => row.fingerprint.endsWith('INVALID') && row.outcome === 'sent')
    const suppressed = rows.find((row) => row.fingerprint.endsWith('INVALID') && row.outcome === 'suppressed')
    assert.deepEqual([suppressed?.suppressed_by, suppressed?.suppressed_by_id], ['window', first?.alert_id])
    await stage.sendDeadLetters(batch('INVALID', purchases, 1_000))
    assert.equal((await stage.look()).sent.length, 1)
    await stage.delivered()
    assert.match(
      stage.lastText(),
      /^Critical: Records of km\.purchases\.v1 have fields that are not valid\n1,000 records had/,
    )
    assert.match(stage.lastText(), /1 alert was suppressed since the last message; 20 more were counted/)
    assert.equal((await stage.look()).counted, 0)
  })

  it('mails of one cause make a thread, each with an id of its own', () => {
    const of = (text: string) => stage.mail.mails.filter(({ headers }) => headers['subject']?.includes(text))
    const invalid = of('km.purchases.v1 have fields')
    assert.deepEqual(
      invalid.map(({ headers }) => headers['subject']?.split(':')[0]),
      ['[guardian] Warning', '[guardian] Critical'],
    )
    assert.equal(new Set(invalid.map(({ headers }) => headers['references'])).size, 1)
    assert.equal(new Set(invalid.map(({ headers }) => headers['message-id'])).size, 2)
    assert.notEqual(of('cannot be decoded')[0]?.headers['references'], invalid[0]?.headers['references'])
    assert.ok(invalid.every(({ raw }) => raw.includes('text/plain') && raw.includes('text/html')))
  })

  it('a look reads no more than it may, and the next one goes on from there', async () => {
    await stage.sendDeadLetters(batch('TOO_LARGE', clicks, 60))
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
}
