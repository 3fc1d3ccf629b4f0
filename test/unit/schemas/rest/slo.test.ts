import assert from 'node:assert/strict'
import { sloReport } from '../../../../schemas/rest/slo.js'

describe('the report of the service level', () => {
  const reportOf = async (samples: number) => {
    const times = [1, 2, 3] as const
    const stages = { producedToKafka: times, kafkaToDetected: times, detectedToWritten: times, endToEnd: times }
    const read = () => Promise.resolve({ samples, backdated: 0, slow: 0, ...(samples > 0 ? stages : noStages) })
    const { stages: shown, is_reliable } = await sloReport(read, { targetMs: 1_000, percent: 99 }, 24, new Date(0))
    assert.equal(shown.length, 4)
    return [...new Set(shown.map(({ p50_ms, p95_ms, p99_ms }) => [p50_ms, p95_ms, p99_ms].join(' '))), is_reliable]
  }
  const noStages = { producedToKafka: null, kafkaToDetected: null, detectedToWritten: null, endToEnd: null }

  it('has p95 from 200 samples and p99 from 1,000', async () => {
    assert.deepEqual(await reportOf(0), ['  ', false])
    assert.deepEqual(await reportOf(199), ['1  ', false])
    assert.deepEqual(await reportOf(200), ['1 2 ', false])
    assert.deepEqual(await reportOf(999), ['1 2 ', false])
    assert.deepEqual(await reportOf(1_000), ['1 2 3', true])
  })
})
