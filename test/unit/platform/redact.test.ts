import assert from 'node:assert/strict'
import fc from 'fast-check'
import { protect, protectUrl, redact, redactError } from '../../../platform/redact.js'
import { protectVariable } from '../../../platform/variable-text.js'

describe('redact', () => {
  it('censors what is a credential by its form, whoever wrote it, and keeps the rest', () => {
    const cases: readonly [string, string][] = [
      ['at postgres://user:pw@db:5432/d now', 'at postgres://[redacted]@db:5432/d now'],
      ['https://user@host/path', 'https://[redacted]@host/path'],
      ['smtp://u:p%40w:x@mail:25', 'smtp://[redacted]@mail:25'],
      ['redis://:p@w@h', 'redis://[redacted]@h'],
      ['{"authorization":"Basic dXNlcjpwYXNz"}', '{"authorization":"Basic [redacted]"}'],
      ['Authorization: Bearer abc.def-ghi_j', 'Authorization: Bearer [redacted]'],
      ['GET /x?token=abcd&b=1', 'GET /x?token=[redacted]&b=1'],
      ['https://hooks.slack.com/services/T0/B0/xyz failed', 'https://hooks.slack.com/[redacted] failed'],
      ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----!', '[redacted]!'],
    ]
    for (const [text, censored] of cases) assert.equal(redact(text), censored)
  })

  it('leaves ordinary text alone', () => {
    for (const text of [
      'file:///srv/node_modules/@temporalio/worker/lib/index.js:1:2',
      'https://host/a/b@c?x=y@z',
      'KAFKA_SASL_PASSWORD: missing; POSTGRES_PASSWORD=',
      'Authorization: Bearer ...',
      'mail to on-call@shop.example',
    ])
      assert.equal(redact(text), text)
  })

  it('censors every secret of the process in every encoding, and JSON stays JSON', () => {
    const secret = fc.string({ unit: 'binary-ascii', minLength: 6, maxLength: 40 })
    fc.assert(
      fc.property(secret, fc.string(), (text, around) => {
        protect(text)
        const base64 = Buffer.from(text).toString('base64').replace(/=+$/, '')
        for (const form of [text, encodeURIComponent(text), base64, Buffer.from(text).toString('base64url')])
          assert.ok(!redact(`${around} ${form} ${around}`).includes(form))
        const line = redact(JSON.stringify({ said: `<${text}>` }))
        assert.ok(!line.includes(JSON.stringify(text).slice(1, -1)))
        JSON.parse(line)
      }),
      { numRuns: 50 },
    )
  })

  it('censors the password of a URL alone, as it stands there and decoded', () => {
    protectUrl('postgres://guardian:p%23ss-w0rd@db.example/shop')
    assert.equal(
      redact('login guardian at db.example/shop with p#ss-w0rd and p%23ss-w0rd'),
      'login guardian at db.example/shop with [redacted] and [redacted]',
    )
    protectVariable('SLACK_WEBHOOK_URL', 'https://receiver.example/services/T1/canary-path')
    assert.equal(redact('POST services/T1/canary-path to receiver.example'), 'POST [redacted] to receiver.example')
  })

  it('takes credentials out of an error, its causes and its parts', () => {
    protect('canary-of-the-cause')
    const inner = new Error('login canary-of-the-cause failed')
    const error = new AggregateError([new Error('also canary-of-the-cause')], 'a canary-of-the-cause', { cause: inner })
    redactError(error)
    const texts = [error, inner, ...(error.errors as Error[])].flatMap((one) => [one.message, one.stack])
    for (const text of texts) assert.doesNotMatch(text ?? '', /canary-of-the-cause/)
    assert.equal(inner.message, 'login [redacted] failed')
  })
})
