import assert from 'node:assert/strict'
import { ScheduleNotFoundError, ServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client'
import { isTemporalAway, temporalAsker } from '../../../api/wire-temporal.js'
import { ProblemError } from '../../../api/problem-error.js'
import { CircuitOpenError } from '../../../platform/resilience/circuit-breaker.js'

const grpcError = (code: number): Error => Object.assign(new Error(`${code}`), { code, details: '', metadata: {} })
const isAway = (error: unknown): boolean => error instanceof ProblemError && error.code === 'DEPENDENCY_UNAVAILABLE'

describe('asking Temporal', () => {
  /** A client that thinks nothing of its deadline, as one that repeats its calls. */
  const deadlines: number[] = []
  const client = {
    withDeadline: (deadlineMs: number, work: () => Promise<unknown>) => {
      deadlines.push(deadlineMs)
      return work()
    },
  } as unknown as Client
  const through = { execute: <T>(call: () => Promise<T>) => call() }
  const forEver = () => new Promise<never>(() => undefined)

  it('ends at the deadline, whatever the client does, and all questions of a request have one between them', async () => {
    const ask = temporalAsker(client, through, 500)()
    const startedAt = performance.now()
    await assert.rejects(ask(forEver), isAway)
    await assert.rejects(ask(forEver), isAway)
    assert.ok(performance.now() - startedAt < 900, 'the second question had a deadline of its own')
    assert.equal(new Set(deadlines).size, 1)
  }).timeout(2_000)

  it('hands on what is answered, and a circuit that is open with its own time to come back', async () => {
    assert.equal(await temporalAsker(client, through, 1_000)()(() => Promise.resolve(7)), 7)
    const open = new CircuitOpenError('temporal', 9_000)
    const refused = temporalAsker(client, { execute: () => Promise.reject(open) }, 1_000)()
    await assert.rejects(refused(forEver), (error) => error === open)
  })

  it('takes a refusal for an answer, and everything else for none', () => {
    for (const code of [3, 5, 6, 7, 9, 11, 16])
      assert.equal(isTemporalAway(new ServiceError('refused', { cause: grpcError(code) })), false, `${code}`)
    assert.equal(isTemporalAway(new WorkflowNotFoundError('gone', 'w', undefined)), false)
    assert.equal(isTemporalAway(new ScheduleNotFoundError('gone', 's')), false)
    for (const code of [1, 2, 4, 8, 10, 13, 14])
      assert.equal(isTemporalAway(new ServiceError('away', { cause: grpcError(code) })), true, `${code}`)
    for (const error of [new Error('closed'), new TypeError('x'), undefined]) assert.equal(isTemporalAway(error), true)
  })
})
