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
  cause: 'Records of km.clicks.v1 cannot be decoded',
  summary: '1,512 records could not be decoded in the last minute, from source web (km.clicks.v1).',
  sample: 'km.clicks.v1, partition 2, offset 40,118: the schema registry has no event schema 7.',
  firstStep: 'Find out what the producer changed. `guardian dlq replay --dry-run` says how many can be sent back.',
  kind: 'firing',
  severity: 'critical',
  incidentId: 'a1',
  suppressedBy: null,
  count: 7,
  swallowedAlerts: 2,
  swallowedCount: 30,
  decidedMs: Date.UTC(2026, 9, 1, 12),
  figures: { 'dead letters': 1_512 },
  links: [
    { label: 'The run', to: 'http://localhost:8233/workflows/x' },
    { label: 'Takes a key', to: '/dlq/records' },
  ],
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
  it('says what happened, an example, what to do first and what was kept back, and links to pages that open', () => {
    const { headline, subject, lines, links, figures } = messageOf(alert(), 'https://guardian.example')
    assert.equal(headline, 'Critical: Records of km.clicks.v1 cannot be decoded')
    assert.equal(subject, `[guardian] ${headline}`)
    assert.deepEqual(lines, [
      '1,512 records could not be decoded in the last minute, from source web (km.clicks.v1).',
      'Example: km.clicks.v1, partition 2, offset 40,118: the schema registry has no event schema 7.',
      'What to do first: Find out what the producer changed. `guardian dlq replay --dry-run` says how many can be sent back.',
      '2 alerts were suppressed since the last message; 30 more were counted.',
    ])
    assert.deepEqual(figures, [['dead letters', '1,512']])
    assert.deepEqual(links, [
      { label: 'The run', url: 'http://localhost:8233/workflows/x' },
      { label: 'What to do', url: 'https://guardian.example/docs/runbook#dead-letters' },
    ])
  })

  it('says what was kept back in the right number', () => {
    const last = (swallowedAlerts: number, swallowedCount: number) =>
      messageOf(alert({ swallowedAlerts, swallowedCount }), '').lines.at(-1)
    assert.equal(last(1, 0), '1 alert was suppressed since the last message.')
    assert.equal(last(0, 1_200), '1,200 more were counted since the last message, too few for an alert.')
    assert.match(last(0, 0) ?? '', /^What to do first/)
  })

  it('tells a recovery with all that was kept back', () => {
    const { severity, lines } = messageOf(alert({ kind: 'recovered', count: 1 }), '')
    assert.equal(severity, 'recovered')
    assert.match(lines.join(' '), /2 alerts were suppressed since the last message; 31 more were counted/)
  })
})

describe('slackMessage', () => {
  it('has a headline, what there is to say, figures, links and the key; and the same as text', () => {
    const message = slackMessage(outgoing({}, true))
    const text = JSON.stringify(message.blocks)
    for (const part of [
      'Critical',
      '1,512 records could',
      'Example: ',
      'What to do first',
      'dead letters',
      '#dead-letters',
      'slack-a1',
      'sent again',
    ])
      assert.ok(text.includes(part), part)
    assert.match(message.text ?? '', /^Critical: Records of km[^]*runbook#dead-letters[^]*slack-a1 · sent again/)
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
  it('has an id from its key, one thread and one subject per fingerprint and severity, and the key in text and HTML', () => {
    const [first, again] = [outgoing(), { ...outgoing({ count: 9 }), key: 'email-a2' }].map((one) =>
      emailOf(one, 'shop.example'),
    )
    assert.ok(first && again)
    assert.equal(first.messageId, '<slack-a1@shop.example>')
    assert.notEqual(first.messageId, again.messageId)
    assert.deepEqual([first.references, first.subject], [again.references, again.subject])
    assert.ok(first.text.includes('slack-a1') && first.html.includes('slack-a1'))
    assert.equal(first.subject, '[guardian] Critical: Records of km.clicks.v1 cannot be decoded')
    const warning = emailOf(outgoing({ severity: 'warning' }), 'shop.example')
    assert.match(warning.subject, /^\[guardian\] Warning: /)
    assert.equal(warning.references, first.references)
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
