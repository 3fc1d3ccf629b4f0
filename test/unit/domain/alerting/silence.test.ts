import assert from 'node:assert/strict'
import { checkSilence, silenceOver, type SilenceRequest } from '../../../../domain/alerting/silence.js'

const HOUR = 3_600_000
const request = (more: Partial<SilenceRequest> = {}): SilenceRequest => ({
  kind: 'silence',
  matcher: 'dead-letters:*',
  upTo: 'warning',
  startsMs: 0,
  endsMs: HOUR,
  reason: 'the importer is being mended',
  ...more,
})

describe('checkSilence', () => {
  it('takes one with an end, a reason and no more than the greatest length', () => {
    checkSilence(request(), 0, HOUR)
    checkSilence(request({ matcher: '*', kind: 'maintenance', startsMs: 9 * HOUR, endsMs: 10 * HOUR }), 0, HOUR)
  })

  for (const [what, more, message] of [
    ['no end after its start', { endsMs: 0 }, 'the end is not after the start'],
    ['an end that is not a number', { endsMs: Number.NaN }, 'the end is not after the start'],
    ['an end that has passed', { startsMs: -2 * HOUR, endsMs: -HOUR }, 'the end has passed'],
    ['one that is too long', { endsMs: HOUR + 1 }, 'longer than 1 hours'],
    ['one without a reason', { reason: ' ' }, 'a reason of 1 to 500 characters is needed'],
    ['an empty matcher', { matcher: '' }, 'matcher is neither'],
    ['a matcher with a star inside', { matcher: 'a*b' }, 'matcher is neither'],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(
        () => checkSilence(request(more), 0, HOUR),
        (error: Error) => Reflect.get(error, 'code') === 'GRD_BAD_INPUT' && error.message.startsWith(message),
      )
    })
})

describe('silenceOver', () => {
  const one = { ...request(), silenceId: 's1' }
  const at = (nowMs: number, fingerprint = 'dead-letters:x', matcher = one.matcher) =>
    silenceOver([{ ...one, matcher }], fingerprint, 'warning', nowMs)?.silenceId

  it('begins with its start and has ended at its end', () => {
    assert.deepEqual([at(-1), at(0), at(HOUR - 1), at(HOUR)], [undefined, 's1', 's1', undefined])
  })

  it('matches a beginning with a star, else the whole fingerprint', () => {
    assert.equal(at(0, 'detector-lag:x'), undefined)
    assert.equal(at(0, 'dead-letters:x', 'dead-letters:'), undefined)
    assert.equal(at(0, 'dead-letters:x', 'dead-letters:x'), 's1')
    assert.equal(at(0, 'anything', '*'), 's1')
  })

  it('does not swallow what is worse, and names the one that ends last', () => {
    assert.equal(silenceOver([one], 'dead-letters:x', 'critical', 0), undefined)
    const longer = { ...one, silenceId: 's2', endsMs: 2 * HOUR }
    assert.equal(silenceOver([longer, one], 'dead-letters:x', 'warning', 0)?.silenceId, 's2')
  })
})
