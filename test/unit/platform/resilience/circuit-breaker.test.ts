import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Registry } from '../../../../platform/metrics.js'
import {
  CircuitBreaker,
  CircuitOpenError,
  createBreakerMetrics,
} from '../../../../platform/resilience/circuit-breaker.js'

class Away extends Error {}

describe('CircuitBreaker', () => {
  let nowMs = 0
  let lines: string[]
  let registry: Registry
  let breaker: CircuitBreaker
  beforeEach(() => {
    nowMs = 0
    lines = []
    registry = new Registry()
    breaker = new CircuitBreaker('postgres', (error) => error instanceof Away, {
      settings: { failures: 3, pauseMs: 30_000, successes: 3 },
      nowMs: () => nowMs,
      log: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
      metrics: createBreakerMetrics(registry),
    })
  })
  const fail = () =>
    assert.rejects(
      breaker.execute(() => Promise.reject(new Away())),
      Away,
    )
  const succeed = () => breaker.execute(() => Promise.resolve('ok'))
  const refused = () => assert.rejects(succeed(), CircuitOpenError)
  const open = async () => {
    for (let n = 0; n < 3; n += 1) await fail()
  }

  it('opens after three failures in a row, and not after three with a success among them', async () => {
    for (const step of [fail, fail, succeed, fail, fail]) await step()
    assert.equal(breaker.state, 'closed')
    await fail()
    assert.equal(breaker.state, 'open')
  })

  it('makes no call while it is open', async () => {
    await open()
    nowMs = 29_999
    let calls = 0
    await assert.rejects(
      breaker.execute(() => Promise.resolve((calls += 1))),
      CircuitOpenError,
    )
    assert.equal(calls, 0)
  })

  it('goes closed, open, half-open, closed, in metrics and log', async () => {
    await open()
    nowMs = 30_000
    await succeed()
    assert.equal(breaker.state, 'half_open')
    await succeed()
    assert.equal(breaker.state, 'half_open')
    await succeed()
    assert.equal(breaker.state, 'closed')
    const text = await registry.metrics()
    for (const to of ['open', 'half_open', 'closed'])
      assert.ok(text.includes(`guardian_circuit_transitions_total{dependency="postgres",to="${to}"} 1`), text)
    assert.ok(text.includes('guardian_circuit_state{dependency="postgres",state="closed"} 1'))
    assert.ok(text.includes('guardian_circuit_state{dependency="postgres",state="open"} 0'))
    const events = lines.map((line) => (JSON.parse(line) as { msg: string }).msg)
    assert.deepEqual(events, ['circuit_opened', 'circuit_half_open', 'circuit_closed'])
  })

  it('opens again at the first failure of a half-open circuit, for another whole pause', async () => {
    await open()
    nowMs = 30_000
    await succeed()
    await fail()
    assert.equal(breaker.state, 'open')
    nowMs = 59_999
    await refused()
    nowMs = 60_000
    await succeed()
  })

  it('lets one attempt at a time through when it is half-open', async () => {
    await open()
    nowMs = 30_000
    let finish: (value: string) => void = () => undefined
    const trial = breaker.execute(() => new Promise<string>((resolve) => (finish = resolve)))
    await refused()
    finish('ok')
    await trial
    await succeed()
  })

  it('lets another attempt through when the one before has not ended within a pause', async () => {
    await open()
    nowMs = 30_000
    void breaker.execute(() => new Promise(() => undefined))
    nowMs = 59_999
    await refused()
    nowMs = 60_000
    for (let n = 0; n < 3; n += 1) await succeed()
    assert.equal(breaker.state, 'closed')
  })

  it('does not count for one state what was begun in another', async () => {
    const begun = Array.from({ length: 5 }, () => {
      const end: { fail: () => void; succeed: () => void } = { fail: () => undefined, succeed: () => undefined }
      const call = breaker.execute(
        () =>
          new Promise<void>((resolve, reject) => {
            end.fail = () => reject(new Away())
            end.succeed = resolve
          }),
      )
      return { end, call: call.catch(() => undefined) }
    })
    await open()
    nowMs = 30_000
    await succeed()
    for (const { end, call } of begun.slice(0, 4)) {
      end.succeed()
      await call
    }
    assert.equal(breaker.state, 'half_open')
    begun[4]?.end.fail()
    await begun[4]?.call
    assert.equal(breaker.state, 'half_open')
    await succeed()
    await succeed()
    assert.equal(breaker.state, 'closed')
  })

  it('takes an answer that refuses for an answer', async () => {
    const refuse = () =>
      assert.rejects(
        breaker.execute(() => Promise.reject(new Error('404'))),
        /404/,
      )
    for (const step of [refuse, refuse, refuse, refuse, fail, fail, refuse, fail]) await step()
    assert.equal(breaker.state, 'closed')
  })
})
