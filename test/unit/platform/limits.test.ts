import assert from 'node:assert/strict'
import { observeLimit } from '../../../platform/limits.js'
import { Registry } from '../../../platform/metrics.js'

const shown = async (registry: Registry) =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('guardian_limit'))

describe('observeLimit', () => {
  it('shows each limit beside what is used of it, as it is now', async () => {
    const registry = new Registry()
    let used = 3
    observeLimit(registry, 'API_USERS_MAX', { max: 10, used: () => Promise.resolve(used) })
    observeLimit(registry, 'PG_POOL_MAX', { max: 4, used: () => 0 })
    const max = ['guardian_limit_max{limit="API_USERS_MAX"} 10', 'guardian_limit_max{limit="PG_POOL_MAX"} 4']
    const pool = 'guardian_limit_used{limit="PG_POOL_MAX"} 0'
    assert.deepEqual(await shown(registry), [...max, 'guardian_limit_used{limit="API_USERS_MAX"} 3', pool])
    used = 9
    assert.ok((await shown(registry)).includes('guardian_limit_used{limit="API_USERS_MAX"} 9'))
  })

  it('leaves out what nobody can tell, and what it told before', async () => {
    const registry = new Registry()
    let isAway = false
    const count = () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(1))
    observeLimit(registry, 'API_USERS_MAX', { max: 10, used: count })
    observeLimit(registry, 'PG_POOL_MAX', { max: 4, used: () => (isAway ? undefined : 2) })
    observeLimit(registry, 'API_MAX_WAITING', { max: 5, used: () => 1 })
    const used = async () => (await shown(registry)).filter((line) => line.includes('_used{'))
    assert.equal((await used()).length, 3)
    isAway = true
    assert.deepEqual(await used(), ['guardian_limit_used{limit="API_MAX_WAITING"} 1'])
  })

  it('is of one registry alone', async () => {
    const [one, other] = [new Registry(), new Registry()]
    observeLimit(one, 'PG_POOL_MAX', { max: 4, used: () => 0 })
    observeLimit(other, 'PG_POOL_MAX', { max: 5, used: () => 0 })
    assert.ok((await shown(one)).includes('guardian_limit_max{limit="PG_POOL_MAX"} 4'))
  })
})
