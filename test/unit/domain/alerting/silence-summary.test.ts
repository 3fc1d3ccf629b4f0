import assert from 'node:assert/strict'
import { summaryOf, type SilencedIncident } from '../../../../domain/alerting/silence-summary.js'
import type { Silence } from '../../../../domain/alerting/silence.js'

const T0 = Date.UTC(2026, 9, 6, 10)
const MINUTE = 60_000
const silence: Silence = {
  ...{ silenceId: 's1', kind: 'silence', matcher: 'dead-letters:*', upTo: 'critical' },
  ...{ startsMs: T0, endsMs: T0 + 60 * MINUTE },
}
const incident = (more: Partial<SilencedIncident> = {}): SilencedIncident => ({
  ...{
    fingerprint: 'dead-letters:km.clicks.v1:DECODE',
    incidentId: 'a1',
    cause: 'Records of km.clicks.v1 cannot be decoded',
  },
  ...{ severity: 'warning', alerts: 4, count: 1_512, firstMs: T0 + 5 * MINUTE, lastMs: T0 + 20 * MINUTE, isOver: true },
  ...more,
})

describe('summaryOf', () => {
  it('says of each incident what it was, how often and when, and whether it is over', () => {
    const { summary, sample, cause, severity, count } = summaryOf(silence, [
      incident(),
      incident({
        severity: 'critical',
        cause: 'Daily KPI run failed',
        alerts: 1,
        count: 0,
        lastMs: T0 + 5 * MINUTE,
        isOver: false,
      }),
    ])
    assert.equal(cause, 'The silence of dead-letters:* has ended')
    assert.deepEqual([severity, count], ['critical', 1_512])
    assert.equal(
      summary,
      'Between 2026-10-06 10:00 UTC and 2026-10-06 11:00 UTC, 2 incidents began without a message: 1 is over, 1 is not.',
    )
    assert.deepEqual(sample?.split('\n'), [
      '• Warning: Records of km.clicks.v1 cannot be decoded (1,512 counted in 4 alerts, 2026-10-06 10:05 UTC to 2026-10-06 10:20 UTC, over)',
      '• Critical: Daily KPI run failed (1 alert, at 2026-10-06 10:05 UTC, not over)',
    ])
  })

  it('names so many, and says how many others there are', () => {
    const { sample, summary } = summaryOf(
      silence,
      Array.from({ length: 40 }, () => incident()),
    )
    assert.equal(sample?.split('\n').length, 16)
    assert.match(sample, /… and 25 other incidents\.$/)
    assert.match(summary, /40 incidents began without a message: 40 are over\.$/)
  })
})
