import assert from 'node:assert/strict'
import { DeadLetterCount, observeDeadLetters } from '../../../../domain/alerting/dead-letters.js'
import { fingerprintOf, severityOf } from '../../../../domain/alerting/observation.js'
import { DEAD_LETTER_CODES } from '../../../../domain/detection/fate.js'

const THRESHOLDS = { warning: 10, critical: 100 }

describe('DeadLetterCount', () => {
  it('counts by cause and knows the first of each', () => {
    const count = new DeadLetterCount()
    for (let i = 0; i < 120; i++) count.add('DECODE', 'km.clicks.v1', 2, 40 + i)
    for (let i = 0; i < 12; i++) count.add('INVALID', 'km.purchases.v1', 0, i)
    count.add('INVALID', 'km.clicks.v1', 1, 7)
    assert.equal(count.records, 133)
    const observed = observeDeadLetters(count.growth(), THRESHOLDS)
    assert.deepEqual(
      observed.map(({ fingerprint, severity, count: n, figures }) => [fingerprint, severity, n, figures['first']]),
      [
        ['dead-letters:km.clicks.v1:DECODE', 'critical', 120, 'km.events.dlq.v1/2@40'],
        ['dead-letters:km.purchases.v1:INVALID', 'warning', 12, 'km.events.dlq.v1/0@0'],
        ['dead-letters:km.clicks.v1:INVALID', null, 1, 'km.events.dlq.v1/1@7'],
      ],
    )
  })

  it('links to the records of its cause; what nobody knows is not asked for by name', () => {
    const count = new DeadLetterCount()
    count.add('DECODE', 'km.clicks.v1', 0, 0)
    count.add('DECODE', 'made up', 0, 1)
    count.add(undefined, undefined, 0, 2)
    const links = observeDeadLetters(count.growth(), THRESHOLDS).flatMap((one) => one.links.map(({ to }) => to))
    assert.deepEqual(links.sort(), [
      '/dlq/records',
      '/dlq/records?code=DECODE',
      '/dlq/records?code=DECODE&topic=km.clicks.v1',
    ])
  })

  it('has no more causes than codes times topics, whatever the headers hold', () => {
    const count = new DeadLetterCount()
    for (let i = 0; i < 5_000; i++) count.add(`X${i}`, `t${i}`, 0, i)
    for (const code of [...DEAD_LETTER_CODES, undefined])
      for (const topic of ['km.clicks.v1', 'km.purchases.v1', undefined]) count.add(code, topic, 0, 0)
    assert.equal(count.growth().length, (DEAD_LETTER_CODES.length + 1) * 3)
    assert.equal(count.growth()[0]?.count, 5_001)
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
