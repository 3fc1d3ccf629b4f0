import assert from 'node:assert/strict'
import { Registry } from '../../../../platform/metrics.js'
import { RetryBudget } from '../../../../platform/resilience/retry-budget.js'

class Lost extends Error {}
const isLost = (error: unknown) => error instanceof Lost

describe('RetryBudget', () => {
  let registry: Registry
  const budgetOf = (percent: number, burst: number) =>
    new RetryBudget('postgres', { percent, burst }, (registry = new Registry()))
  const counted = async (outcome: string) => {
    const { values } = (await registry.getSingleMetric('guardian_retries_total')?.get()) ?? { values: [] }
    return values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0
  }

  it('repeats what fails in passing, at most twice, and gives what came of it', async () => {
    const budget = budgetOf(0, 10)
    let calls = 0
    const third = () => ((calls += 1) < 3 ? Promise.reject(new Lost()) : Promise.resolve(calls))
    assert.equal(await budget.execute(third, isLost), 3)
    calls = 0
    await assert.rejects(budget.execute(() => ((calls += 1), Promise.reject(new Lost())), isLost), Lost) // prettier-ignore
    assert.equal(calls, 3)
    assert.equal(await counted('made'), 4)
  })

  it('does not repeat what another attempt will not help', async () => {
    let calls = 0
    await assert.rejects(
      budgetOf(10, 10).execute(() => ((calls += 1), Promise.reject(new Error('refused'))), isLost), // prettier-ignore
    )
    assert.equal(calls, 1)
  })

  it('repeats no more than its burst and its share of the calls when all of them fail', async () => {
    const budget = budgetOf(10, 5)
    let calls = 0
    const fail = () => ((calls += 1), Promise.reject(new Lost())) // prettier-ignore
    for (let n = 0; n < 200; n += 1) await assert.rejects(budget.execute(fail, isLost))
    const made = calls - 200
    assert.ok(made >= 20 && made <= 25, `${made} repetitions`)
    assert.equal(await counted('made'), made)
    assert.ok((await counted('refused')) >= 170)
  })

  it('is filled again by calls that go well, up to its burst', async () => {
    const budget = budgetOf(50, 2)
    const fail = () => Promise.reject(new Lost())
    for (let n = 0; n < 5; n += 1) await assert.rejects(budget.execute(fail, isLost))
    const spent = await counted('made')
    for (let n = 0; n < 100; n += 1) await budget.execute(() => Promise.resolve(), isLost)
    await assert.rejects(budget.execute(fail, isLost))
    await assert.rejects(budget.execute(fail, isLost))
    assert.equal((await counted('made')) - spent, 2)
  })
})
