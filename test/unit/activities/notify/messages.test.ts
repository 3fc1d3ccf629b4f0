import assert from 'node:assert/strict'
import fc from 'fast-check'
import { emailOf } from '../../../../activities/notify/email-message.js'
import { retryAfterMs } from '../../../../activities/notify/retry-after.js'
import { cut, slackMessage } from '../../../../activities/notify/slack-message.js'
import { messageOf, type Alert } from '../../../../domain/alerting/alert-message.js'
import { propertyRuns, propertyTimeoutMs } from '../../domain/property-runs.js'

const alert = (more: Partial<Alert> = {}): Alert => ({
  alertId: 'a1',
  fingerprint: 'dead-letters:km.clicks.v1:DECODE',
  source: 'dead-letters',
  cause: 'Dead letters DECODE from km.clicks.v1',
  kind: 'firing',
  severity: 'critical',
  incidentId: 'a1',
  suppressedBy: null,
  count: 7,
  swallowedAlerts: 2,
  swallowedCount: 30,
  decidedMs: Date.UTC(2026, 9, 1, 12),
  figures: { 'dead letters': 7 },
  links: [],
  ...more,
})
const outgoing = (more: Partial<Alert> = {}, isRepeat = false) => ({
  message: messageOf(alert(more), 'https://guardian.example'),
  fingerprint: alert(more).fingerprint,
  key: 'slack-a1',
  isRepeat,
})

interface SlackText {
  readonly text: string
}
interface AnyBlock {
  readonly type: string
  readonly text?: SlackText
  readonly fields?: readonly SlackText[]
  readonly elements?: readonly SlackText[]
}

describe('messageOf', () => {
  it('tells what was counted, and what was kept back since the last message', () => {
    const { headline, lines, links } = messageOf(alert(), 'https://guardian.example')
    assert.equal(headline, 'Critical: Dead letters DECODE from km.clicks.v1')
    assert.deepEqual(lines, [
      '7 in this look.',
      'Since the last message: 2 more alerts that were not sent, 30 more of it counted.',
    ])
    assert.deepEqual(links, [
      { label: 'What to do', url: 'https://guardian.example/docs/runbook#dead-letters' },
      { label: 'This alert', url: 'https://guardian.example/alerts/a1' },
    ])
  })

  it('tells a recovery with all that was kept back', () => {
    const { severity, lines } = messageOf(alert({ kind: 'recovered', count: 1 }), '')
    assert.equal(severity, 'recovered')
    assert.match(lines.join(' '), /2 more alerts.*31 more/)
  })
})

describe('slackMessage', () => {
  it('has a headline, what there is to say, figures, links and the key; and the same as text', () => {
    const message = slackMessage(outgoing({}, true))
    const text = JSON.stringify(message.blocks)
    for (const part of ['Critical', '7 in this look', 'dead letters', '/alerts/a1', 'slack-a1', 'sent again'])
      assert.ok(text.includes(part), part)
    assert.match(message.text ?? '', /^Critical: Dead letters[^]*runbook#dead-letters[^]*slack-a1 · sent again/)
  })

  it('keeps within what Slack takes, whatever the alert holds', function () {
    this.timeout(propertyTimeoutMs)
    const long = fc.string({ unit: fc.constantFrom('<', '&', 'x', '😀', '\n', '|'), maxLength: 6_000 })
    const figures = fc.dictionary(fc.string({ minLength: 1, maxLength: 300 }), long, { maxKeys: 14 })
    const links = fc.array(fc.record({ label: fc.string({ maxLength: 50 }), to: fc.webUrl() }), { maxLength: 5 })
    fc.assert(
      fc.property(long, figures, links, fc.boolean(), (cause, someFigures, someLinks, isRepeat) => {
        const message = slackMessage(outgoing({ cause, figures: someFigures, links: someLinks }, isRepeat))
        const blocks = message.blocks as unknown as readonly AnyBlock[]
        assert.ok(blocks.length <= 50)
        assert.ok((message.text ?? '').length <= 4_000)
        for (const { type, text, fields = [], elements = [] } of blocks) {
          if (text) assert.ok(text.text.length > 0 && text.text.length <= (type === 'header' ? 150 : 3_000))
          assert.ok(fields.length <= 10 && elements.length <= 10)
          for (const one of [...fields, ...elements]) assert.ok(one.text.length > 0 && one.text.length <= 2_000)
        }
      }),
      { numRuns: Math.ceil(propertyRuns / 10) },
    )
  })

  it('says what an alert holds as text: no mention, no link of its own', () => {
    const text = JSON.stringify(
      slackMessage(outgoing({ figures: { why: '<!channel> & <https://evil.example|here>' } })),
    )
    assert.ok(!text.includes('<!channel>') && !text.includes('<https://evil'))
    assert.ok(text.includes('&lt;!channel&gt; &amp;'))
  })

  it('does not cut through an escaped character or a pair of surrogates', () => {
    assert.equal(cut('ab&amp;cd', 6), 'ab…')
    assert.equal(cut('abc😀d', 5), 'abc…')
    assert.equal(cut('abc', 3), 'abc')
  })
})

describe('emailOf', () => {
  it('has an id from its key, one thread and one subject per fingerprint, and the key in text and HTML', () => {
    const [first, again] = [outgoing(), { ...outgoing({ severity: 'warning' }), key: 'email-a2' }].map((one) =>
      emailOf(one, 'shop.example'),
    )
    assert.ok(first && again)
    assert.equal(first.messageId, '<slack-a1@shop.example>')
    assert.notEqual(first.messageId, again.messageId)
    assert.deepEqual([first.references, first.subject], [again.references, again.subject])
    assert.ok(first.text.includes('slack-a1') && first.html.includes('slack-a1'))
  })

  it('has no line break in its subject and no markup from an alert in its HTML', () => {
    const email = emailOf(outgoing({ cause: 'x\r\nBcc: a@b.example <script>' }), 'shop.example')
    assert.doesNotMatch(email.subject, /[\r\n]/)
    assert.doesNotMatch(email.html, /<script>/)
  })
})

describe('retryAfterMs', () => {
  const now = Date.UTC(2026, 9, 1, 12)
  for (const [header, waitMs] of [
    ['2', 2_000],
    ['0', 0],
    ['999999999', 3_600_000],
    ['Thu, 01 Oct 2026 12:00:30 GMT', 30_000],
    ['Thu, 01 Oct 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    [null, undefined],
  ] as const)
    it(`${header ?? 'nothing'}: ${waitMs ?? 'not understood'}`, () => assert.equal(retryAfterMs(header, now), waitMs))
})
