import assert from 'node:assert/strict'
import type { Response } from 'express'
import { pino } from 'pino'
import { answerProblems } from '../../../api/middleware/answer-problems.js'
import { ProblemError } from '../../../api/problem-error.js'
import { setContext } from '../../../api/request-context.js'

describe('answerProblems', () => {
  it('tells of refusals once a second for each code, with how many it left out, and of every failure', () => {
    const lines: { msg: string; code: string; untold?: number }[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) })
    let nowMs = 0
    const handle = answerProblems(log, () => nowMs)
    const response = { headersSent: true } as unknown as Response
    setContext(response, { requestId: 'r', route: '/x' })
    const answer = (error: unknown) => handle(error, undefined as never, response, () => undefined)
    const overloaded = () => answer(new ProblemError('OVERLOADED', 'full'))
    for (let n = 0; n < 100; n++) overloaded()
    answer(new ProblemError('DEPENDENCY_UNAVAILABLE', 'away'))
    for (let n = 0; n < 2; n++) answer(new Error('a bug'))
    nowMs = 1_000
    overloaded()
    assert.deepEqual(
      lines.map(({ msg, code, untold }) => [msg, code, untold]),
      [
        ['request_refused', 'OVERLOADED', 0],
        ['request_refused', 'DEPENDENCY_UNAVAILABLE', 0],
        ['request_failed', 'INTERNAL', undefined],
        ['request_failed', 'INTERNAL', undefined],
        ['request_refused', 'OVERLOADED', 99],
      ],
    )
  })
})
