import assert from 'node:assert/strict'
import { Client } from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import { Worker } from '@temporalio/worker'
import type { ReplayActivities } from '../../../activities/dead-letters/replay-activities.js'
import { createRunActivities } from '../../../activities/runs/run-activities.js'
import { openTracing, type Tracing } from '../../../platform/tracing.js'
import { ensureSearchAttributes } from '../../../workers/orchestrator/search-attributes.js'
import { workflowCode } from '../../../workers/orchestrator/traced-workflows.js'
import { writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import { waitUntil } from '../../support/child-process.js'
import { startSpanReceiver, type ReceivedSpan, type SpanReceiver } from '../../support/span-receiver.js'
import { useTestStack } from '../../support/stack.js'
import { openTemporalClient, type TemporalClient } from '../../support/temporal-client.js'

const NONE = { replayed: 0, already_replayed: 0, unfit: 0, parked: 0, no_origin: 0 }
const activities: ReplayActivities & ReturnType<typeof createRunActivities> = {
  replayDeadLetters: () => Promise.resolve({ selected: 0, outcomes: NONE, faults: {} }),
  ...createRunActivities({ recordRunStart: () => Promise.resolve(), recordRunEnd: () => Promise.resolve() }),
}

describe('runs seen from outside', function () {
  this.timeout(60_000)
  const stack = useTestStack('temporal')
  let temporal: TemporalClient
  let receiver: SpanReceiver
  before(async () => {
    await writeWorkflowBundle()
    temporal = await openTemporalClient(stack().temporalAddress)
    receiver = await startSpanReceiver()
  })
  after(async () => {
    await temporal.close()
    await receiver.stop()
  })

  const replay = async (workflowId: string, tracing?: Tracing) => {
    const { connection } = temporal
    const taskQueue = `observed-${workflowId}`
    const worker = await Worker.create({ connection, taskQueue, activities, ...(await workflowCode(tracing)) })
    const workflow = tracing ? [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracing.tracer })] : []
    const client = new Client({ connection, interceptors: { workflow } })
    const input = { replayId: workflowId, filter: {}, isDryRun: false, recordsPerSecond: 1, maxAttempts: 1 }
    const options = { taskQueue, workflowId, args: [input] }
    await worker.runUntil(() => client.workflow.execute('dlqReplay', options))
  }

  it('are one trace from who asked to the activities, when there is a collector', async () => {
    const { value: tracing, stop } = await openTracing(receiver.url, 'test')
    assert.ok(tracing)
    await replay('traced', tracing)
    await stop()
    const named = (name: string): ReceivedSpan => {
      const span = receiver.spans.find((one) => one.name === name)
      assert.ok(span, `${name} in ${receiver.spans.map((one) => one.name).join(', ')}`)
      return span
    }
    const asked = named('StartWorkflow:dlqReplay')
    const run = named('RunWorkflow:dlqReplay')
    const activity = named('RunActivity:replayDeadLetters')
    assert.deepEqual([run.traceId, run.parentSpanId], [asked.traceId, asked.spanId])
    assert.deepEqual([activity.traceId, activity.service], [asked.traceId, 'test'])
  })

  it('are found by what began them; without a collector nothing is traced', async () => {
    const before = receiver.spans.length
    const { value: tracing } = await openTracing(undefined, 'test')
    assert.equal(tracing, undefined)
    await replay('searched')
    assert.equal(receiver.spans.length, before)
    const query = "GuardianTrigger = 'request' AND WorkflowId = 'searched'"
    await waitUntil(
      () => `nothing is found by ${query}`,
      10_000,
      async () => (await temporal.client.workflow.count(query)).count === 1,
    )
  })

  it('are found in a namespace that did not know how; a name that is taken for something else is told of', async () => {
    const { connection } = temporal
    const retention = { workflowExecutionRetentionPeriod: { seconds: 86_400 as never } }
    await connection.workflowService.registerNamespace({ namespace: 'observed', ...retention })
    const known = async () =>
      Object.keys((await connection.operatorService.listSearchAttributes({ namespace: 'observed' })).customAttributes)
    await Promise.all([1, 2].map(() => ensureSearchAttributes(connection, 'observed')))
    await ensureSearchAttributes(connection, 'observed')
    const names = await known()
    assert.ok(names.includes('GuardianDay') && names.includes('GuardianTrigger'), names.join(', '))

    await connection.workflowService.registerNamespace({ namespace: 'taken', ...retention })
    const INTEGER = 3
    const searchAttributes = { GuardianDay: INTEGER }
    await connection.operatorService.addSearchAttributes({ namespace: 'taken', searchAttributes })
    await waitUntil(
      () => 'the attribute is not there',
      10_000,
      async () =>
        'GuardianDay' in
        (await connection.operatorService.listSearchAttributes({ namespace: 'taken' })).customAttributes,
    )
    await assert.rejects(ensureSearchAttributes(connection, 'taken'), /GuardianDay of taken is no keyword/)
  })
})
