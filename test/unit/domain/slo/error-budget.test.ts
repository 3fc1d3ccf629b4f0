import assert from 'node:assert/strict'
import { errorBudget, unreliableReason } from '../../../../domain/slo/error-budget.js'

describe('errorBudget', () => {
  const objective = { targetMs: 1_000, percent: 99 }
  const none = { samples: 0, slow: 0 }

  it('says what is left, and how long it lasts at the rate of the last hour', () => {
    const budget = errorBudget(objective, 24, { samples: 10_000, slow: 50 }, { samples: 500, slow: 10 })
    assert.deepEqual([budget.allowed, budget.slow, budget.leftPercent, budget.burnRate], [100, 50, 50, 2])
    assert.equal(budget.says, '7 minutes left; at this rate gone in 6 h')
  })

  it('says that nothing is slow, and that all was spent', () => {
    const whole = errorBudget(objective, 72, { samples: 1_000, slow: 0 }, { samples: 10, slow: 0 })
    assert.equal(whole.says, '43 minutes left; nothing was slow in the last hour')
    const spent = errorBudget(objective, 24, { samples: 1_000, slow: 30 }, { samples: 10, slow: 10 })
    assert.equal(spent.says, 'spent: 29 minutes more than there was')
    assert.ok(Math.abs(spent.leftPercent + 200) < 1e-9)
  })

  it('has a whole budget without a sample, and no rate', () => {
    const { leftPercent, burnRate, says } = errorBudget(objective, 24, none, none)
    assert.deepEqual([leftPercent, burnRate], [100, null])
    assert.equal(says, '14 minutes left; nothing was slow in the last hour')
  })

  it('counts days when it lasts long', () => {
    const budget = errorBudget(objective, 24, { samples: 10_000, slow: 0 }, { samples: 1_000, slow: 1 })
    assert.match(budget.says, /gone in 10 days$/)
  })
})

describe('unreliableReason', () => {
  it('names each percentile that needs more samples, and how many', () => {
    assert.equal(unreliableReason(0), 'p95 needs 200 and p99 needs 1,000 samples; there are 0')
    assert.equal(unreliableReason(199), 'p95 needs 200 and p99 needs 1,000 samples; there are 199')
    assert.equal(unreliableReason(200), 'p99 needs 1,000 samples; there are 200')
    assert.equal(unreliableReason(999), 'p99 needs 1,000 samples; there are 999')
    assert.equal(unreliableReason(1_000), null)
  })
})
