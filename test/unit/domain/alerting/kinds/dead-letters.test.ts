import assert from 'node:assert/strict'
import {
  DeadLetterCount,
  observeDeadLetters,
  observeDeletedDeadLetters,
  type CountedLetter,
} from '../../../../../domain/alerting/kinds/dead-letters.js'
import { fingerprintOf, severityOf } from '../../../../../domain/alerting/observation.js'
import { DEAD_LETTER_CODES } from '../../../../../domain/detection/fate.js'

const THRESHOLDS = { warning: 10, critical: 100 }
const NOW = Date.UTC(2026, 9, 6, 10)

const letter = (
  code: string | undefined,
  topic: string | undefined,
  more: Partial<CountedLetter> = {},
): CountedLetter => ({
  ...{ code, topic, partition: 0, offset: 0, appendMs: NOW - 40_000, originPartition: '2', originOffset: '40118' },
  ...{ fault: 'the schema registry has no event schema 7', source: 'web' },
  ...more,
})
const observed = (...letters: CountedLetter[]) => {
  const count = new DeadLetterCount()
  for (const one of letters) count.add(one)
  return observeDeadLetters(count.growth(), THRESHOLDS, NOW)
}

describe('DeadLetterCount', () => {
  it('counts by cause and knows the first of each', () => {
    const of = (n: number, code: string, topic: string, partition: number, offset: number) =>
      Array.from({ length: n }, (_, i) => letter(code, topic, { partition, offset: offset + i }))
    const all = [
      ...of(120, 'DECODE', 'km.clicks.v1', 2, 40),
      ...of(12, 'INVALID', 'km.purchases.v1', 0, 0),
      ...of(1, 'INVALID', 'km.clicks.v1', 1, 7),
    ]
    assert.deepEqual(
      observed(...all).map(({ fingerprint, severity, count: n, figures }) => [
        fingerprint,
        severity,
        n,
        figures['first'],
      ]),
      [
        ['dead-letters:km.clicks.v1:DECODE', 'critical', 120, 'km.events.dlq.v1/2@40'],
        ['dead-letters:km.purchases.v1:INVALID', 'warning', 12, 'km.events.dlq.v1/0@0'],
        ['dead-letters:km.clicks.v1:INVALID', null, 1, 'km.events.dlq.v1/1@7'],
      ],
    )
  })

  it('has no more causes than codes times topics, and no more sources than it may, whatever the records hold', () => {
    const count = new DeadLetterCount()
    for (let i = 0; i < 5_000; i++) count.add(letter(`X${i}`, `t${i}`, { source: `s${i}` }))
    for (const code of [...DEAD_LETTER_CODES, undefined])
      for (const topic of ['km.clicks.v1', 'km.purchases.v1', undefined]) count.add(letter(code, topic))
    assert.equal(count.growth().length, (DEAD_LETTER_CODES.length + 1) * 3)
    assert.equal(count.growth()[0]?.count, 5_001)
    assert.equal(count.growth()[0]?.bySource.size, 100)
  })
})

describe('observeDeadLetters', () => {
  it('says how many there were, of what, since when and from whom, with an example and its fault', () => {
    const [one] = observed(...Array.from({ length: 1_512 }, () => letter('DECODE', 'km.clicks.v1')))
    assert.equal(one?.cause, 'Records of km.clicks.v1 cannot be decoded')
    assert.equal(one.summary, '1,512 records could not be decoded in the last minute, from source web (km.clicks.v1).')
    assert.equal(one.sample, 'km.clicks.v1, partition 2, offset 40,118: the schema registry has no event schema 7.')
    assert.match(one.firstStep, /schema .* must be registered.*`guardian dlq replay --cause DECODE --dry-run`/)
    assert.deepEqual(one.links, [])
  })

  it('says it of each reason, in the right number', () => {
    const says = (code: string | undefined, n: number) =>
      observed(...Array.from({ length: n }, () => letter(code, 'km.clicks.v1')))[0]?.summary.split(' in the last')[0]
    assert.deepEqual(
      [...DEAD_LETTER_CODES, undefined].map((code) => [says(code, 1), says(code, 2)]),
      [
        ['1 record could not be decoded', '2 records could not be decoded'],
        ['1 record had a field that is not valid', '2 records had a field that is not valid'],
        ['1 record had a time in the future', '2 records had a time in the future'],
        ['1 record was too large', '2 records were too large'],
        ['1 record could not be processed', '2 records could not be processed'],
      ],
    )
  })

  it('names the sources, the most frequent first, and says of how many it is unknown', () => {
    const from = (...sources: (string | undefined)[]) =>
      observed(...sources.map((source) => letter('INVALID', 'km.clicks.v1', { source })))[0]
        ?.summary.split(', ')
        .slice(1)
        .join(', ')
    assert.equal(from('web', 'app', 'web'), 'from sources web (2) and app (1) (km.clicks.v1).')
    assert.equal(from('a', 'b', 'c', 'd', 'e'), 'from sources a (1), b (1), c (1) and 2 others (km.clicks.v1).')
    assert.equal(from('web', undefined), 'from source web; of 1 the source is unknown (km.clicks.v1).')
    assert.equal(from(undefined), 'from an unknown source (km.clicks.v1).')
  })

  it('repeats no address, no line break and no long text from a record', () => {
    for (const source of ['198.51.100.7', '2001:db8::1', 'ann@shop.example', 'a\nb', 'x'.repeat(65), ''])
      assert.match(observed(letter('INVALID', 'km.clicks.v1', { source }))[0]?.summary ?? '', /from an unknown source/)
    const sample =
      observed(letter('INVALID', 'km.clicks.v1', { fault: `a\n\u0000b ${'x'.repeat(500)}` }))[0]?.sample ?? ''
    assert.match(sample, /^km\.clicks\.v1, partition 2, offset 40,118: a b x+…\.$/)
    assert.ok(sample.length < 300)
  })

  it('counts the time since the first of them, and finds the example where its origin is unknown', () => {
    const [one] = observed(
      letter(undefined, undefined, { appendMs: NOW - 5 * 3_600_000, originOffset: 'x', fault: undefined }),
    )
    assert.match(one?.summary ?? '', /in the last 5 hours, from source web \(an unknown topic\)\.$/)
    assert.equal(one?.sample, 'km.events.dlq.v1, partition 0, offset 0: no reason is given in its headers.')
    assert.doesNotMatch(one.firstStep, /--cause/)
  })

  it('says how many were deleted before they were counted', () => {
    assert.deepEqual(observeDeletedDeadLetters(0), [])
    assert.match(
      observeDeletedDeadLetters(1)[0]?.summary ?? '',
      /^1 dead letter was deleted by Kafka before .* counted it\.$/,
    )
  })
})

describe('severityOf', () => {
  it('begins at its threshold', () => {
    assert.deepEqual(
      [9, 10, 99, 100].map((n) => severityOf(n, THRESHOLDS)),
      [null, 'warning', 'warning', 'critical'],
    )
  })
})

describe('fingerprintOf', () => {
  it('keeps its parts apart, whatever they hold', () => {
    assert.equal(fingerprintOf('schedules', 'a:b c', ''), 'schedules:a_b_c:_')
    assert.ok(fingerprintOf('schedules', 'x'.repeat(1_000)).length < 100)
  })
})
