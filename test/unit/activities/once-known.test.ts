import assert from 'node:assert/strict'
import { createKpiActivities, type KpiDeps } from '../../../activities/kpi/kpi-activities.js'
import { GuardianError } from '../../../domain/errors.js'

describe('an activity whose COMMIT got no answer', () => {
  it('is tried again when it finds out by itself whether it was done', async () => {
    const publishFigures = () => Promise.reject(new GuardianError('GRD_COMMIT_UNKNOWN', 'lost during COMMIT'))
    const { publishDay } = createKpiActivities({ publishFigures } as Partial<KpiDeps> as KpiDeps)
    await assert.rejects(publishDay({ day: '2026-10-01', fence: 1 }), {
      type: 'GRD_STORE_UNAVAILABLE',
      nonRetryable: false,
    })
  })
})
