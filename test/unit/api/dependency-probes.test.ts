import assert from 'node:assert/strict'
import { createDependencyProbes, type Probe } from '../../../api/dependency-probes.js'
import { GuardianError } from '../../../domain/errors.js'
import { DependencyHealth } from '../../../schemas/rest/health.js'

const settings = { deadlineMs: 20, keptMs: 1_000 }
const probe = (check: Probe['check'], more: Partial<Probe> = {}): Probe => ({
  name: 'postgres',
  required: true,
  check,
  ...more,
})

describe('dependency probes', () => {
  it('say who is up, who is down and why, in the words of the contract', async () => {
    const check = createDependencyProbes(
      [
        probe(() => Promise.resolve()),
        probe(() => Promise.reject(new GuardianError('GRD_STORE_UNAVAILABLE', 'host 10.0.0.1')), { name: 'kafka' }),
        probe(() => Promise.reject(new Error('connect to host 10.0.0.1')), { name: 'registry', required: false }),
        probe(() => new Promise(() => undefined), { name: 'temporal' }),
      ],
      settings,
      Date.now,
    )
    const found = await check()
    assert.deepEqual(
      found.map(({ name, status, required, code }) => [name, status, required, code]),
      [
        ['postgres', 'up', true, null],
        ['kafka', 'down', true, 'GRD_STORE_UNAVAILABLE'],
        ['registry', 'down', false, 'UNAVAILABLE'],
        ['temporal', 'down', true, 'NO_ANSWER_IN_TIME'],
      ],
    )
    found.forEach((one) => assert.deepEqual(DependencyHealth.parse(one), one))
    assert.doesNotMatch(JSON.stringify(found), /10\.0\.0\.1/)
  })

  it('cost one check however many ask within the second', async () => {
    let checks = 0
    let nowMs = 0
    const check = createDependencyProbes(
      [probe(() => Promise.resolve(void (checks += 1)))],
      settings,
      Date.now,
      () => nowMs,
    )
    await Promise.all(Array.from({ length: 500 }, check))
    nowMs = 999
    await check()
    assert.equal(checks, 1)
    nowMs = 1_000
    await check()
    assert.equal(checks, 2)
  })

  it('do not start a check beside one that hangs', async () => {
    let started = 0
    const hang = () => {
      started += 1
      return new Promise<void>(() => undefined)
    }
    const check = createDependencyProbes([probe(hang)], { deadlineMs: 5, keptMs: 0 }, Date.now)
    for (let round = 0; round < 3; round += 1) assert.equal((await check())[0]?.code, 'NO_ANSWER_IN_TIME')
    assert.equal(started, 1)
  })
})
