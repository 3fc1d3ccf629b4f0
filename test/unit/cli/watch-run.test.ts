import assert from 'node:assert/strict'
import type { WorkflowExecutionDescription } from '@temporalio/client'
import { doingOf } from '../../../cli/watch-run.js'

type Raw = WorkflowExecutionDescription['raw']

const NOW_MS = 1_800_000_000_000
const scheduled = (agoMs: number): Raw =>
  ({ pendingWorkflowTask: { originalScheduledTime: { seconds: (NOW_MS - agoMs) / 1_000 } } }) as unknown as Raw
const at = (...pendingActivities: object[]): Raw => ({ pendingActivities })
const doing = (raw: Raw): string => doingOf({ raw }, NOW_MS)

describe('what a run is at', () => {
  it('names the activities under way', () => {
    assert.equal(doing(at({ activityType: { name: 'computeDay' }, attempt: 1 })), 'computeDay')
    assert.equal(doing(at({ activityType: { name: 'a' } }, { activityType: { name: 'b' } })), 'a; b')
  })

  it('says how often one was tried and why it was not done', () => {
    const failed = { activityType: { name: 'publishDay' }, attempt: 3, lastFailure: { message: 'connection refused' } }
    assert.equal(doing(at(failed)), 'publishDay, attempt 3: connection refused')
  })

  it('says how far an activity is, if it says so itself', () => {
    const said = (text: string) => ({
      activityType: { name: 'replayDeadLetters' },
      heartbeatDetails: { payloads: [{ data: Buffer.from(text) }] },
    })
    assert.equal(doing(at(said('"1200 of 5000 dead letters"'))), 'replayDeadLetters: 1200 of 5000 dead letters')
    for (const other of ['7', '{"a":1}', 'no JSON', '']) assert.equal(doing(at(said(other))), 'replayDeadLetters')
  })

  it('says that nobody does the work once that is so', () => {
    assert.match(doing(scheduled(6_000)), /does the orchestrator run/)
    assert.equal(doing(scheduled(1_000)), '')
    assert.equal(doing(at()), '')
  })
})
