import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Connection } from '@temporalio/client'
import { TOPICS } from '../../../domain/events.js'
import type { Anomaly } from '../../../schemas/rest/anomalies.js'
import { asAdmin } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { readTopics } from '../../support/dump-topic.js'
import { startSpanReceiver, type ReceivedSpan, type SpanReceiver } from '../../support/span-receiver.js'
import { useTestStack } from '../../support/stack.js'
import { startStageApi, type StageApi } from '../../support/stage-api.js'

const NAMESPACE = 'traced'

/** A caller's own trace, and the header that says so. */
function newTrace(flags = '01') {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

describe('tracing', function () {
  this.timeout(90_000)
  const servers = useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let stage: DetectionStage
  let receiver: SpanReceiver
  let api: StageApi
  before(async () => {
    receiver = await startSpanReceiver()
    stage = await DetectionStage.open(servers(), {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      TEMPORAL_NAMESPACE: NAMESPACE,
      TEMPORAL_ADDRESS: servers().temporalAddress,
    })
    const connection = await Connection.connect({ address: servers().temporalAddress })
    await connection.workflowService.registerNamespace({
      namespace: NAMESPACE,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    })
    await connection.close()
    stage.startOrchestrator(servers().temporalAddress) // it bundles its workflows anew, which takes a while
    api = await startStageApi(stage, { TEMPORAL_ADDRESS: servers().temporalAddress })
  })
  after(async () => {
    await api.stop()
    await stage.close()
    await receiver.stop()
  })

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${api.url}${path}`, {
      method: 'POST',
      headers: { ...asAdmin, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const clicks = (sessionId: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({
      ...{
        type: 'click',
        event_id: `${sessionId}-${n}`,
        event_ts: Date.now(),
        session_id: sessionId,
        event_type: 'page_view',
        page: '/',
      },
    }))
  const spanOf = async (service: string, name: string, traceId: string): Promise<ReceivedSpan> => {
    const find = () =>
      receiver.spans.find((span) => span.service === service && span.name === name && span.traceId === traceId)
    const seen = () => receiver.spans.map((span) => `${span.service} ${span.name} ${span.traceId}`).join('\n')
    await waitUntil(
      () => `${service} ${name} ${traceId} in\n${seen()}`,
      20_000,
      () => Promise.resolve(find() !== undefined),
    )
    return find() as ReceivedSpan
  }

  it('goes from the request over the log to the evidence of the anomaly, and to a span of the detector', async () => {
    const caller = newTrace()
    const { traceparent, traceId } = caller
    const sent = await post('/events', clicks('traced', 60), { traceparent, tracestate: 'shop=1', baggage: 'user=7' })
    assert.equal(sent.status, 200)
    const request = await spanOf('guardian-api', 'POST /events', traceId)
    assert.equal(request.parentSpanId, caller.spanId)
    const [record] = await readTopics(stage.brokers, [TOPICS.clicks])
    const handedOn = `00-${traceId}-${request.spanId}-01`
    const texts = Object.entries(record?.headers ?? {}).map(([name, values]) => [
      name,
      ...values.map((value) => Buffer.from(value, 'base64').toString()),
    ])
    assert.deepEqual(texts, [
      ['traceparent', handedOn],
      ['tracestate', 'shop=1'],
    ])
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const detected = await spanOf('guardian-detector', 'detect HIGH_FREQUENCY', traceId)
    assert.equal(detected.parentSpanId, request.spanId)
    const list = await fetch(`${api.url}/anomalies`, { headers: asAdmin })
    const [listed] = ((await list.json()) as { data: Anomaly[] }).data
    const one = await fetch(`${api.url}/anomalies/${listed?.id ?? ''}`, { headers: asAdmin })
    const { evidence } = (await one.json()) as Anomaly
    assert.equal((evidence['crossed'] as { traceparent?: string }).traceparent, handedOn)
    const explained = await stage.ask<{ agrees: boolean }>(['explain', listed?.id ?? ''])
    assert.equal(explained.agrees, true, JSON.stringify(explained))
  })

  it('begins a trace of its own for a caller that names none, or none that is one; and leaves out who asks not to be', async () => {
    const malformed = ['00-0-0-01', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`, 'x'.repeat(9_000)]
    const untraced = newTrace('00')
    const before = (await readTopics(stage.brokers, [TOPICS.clicks])).length
    for (const traceparent of [...malformed, undefined, untraced.traceparent])
      await post('/events', clicks('other', 1), {
        ...(traceparent === undefined ? {} : { traceparent }),
        tracestate: `long=${'x'.repeat(600)}`,
      })
    const records = await readTopics(stage.brokers, [TOPICS.clicks])
    assert.equal(records.length, before + 5)
    const own = records.filter(({ key }) => Buffer.from(key ?? '', 'base64').toString() === 'other')
    const headers = own.map(({ headers: { traceparent = [], ...more } }) => {
      assert.deepEqual(more, {}, 'no state that is too long, and none without a parent')
      return Buffer.from(traceparent[0] ?? '', 'base64').toString()
    })
    const traceIds = headers.map((header) => /^00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]$/.exec(header)?.[1])
    assert.ok(!traceIds.includes(undefined), headers.join(' '))
    assert.equal(new Set(traceIds).size, 5)
    assert.equal(traceIds[4], untraced.traceId)
    await spanOf('guardian-api', 'POST /events', traceIds[3] ?? '')
    assert.ok(!receiver.spans.some(({ traceId }) => traceId === untraced.traceId))
  })

  it('goes from the request that begins a run to its workflow and activities', async () => {
    const { traceparent, traceId } = newTrace()
    const started = await post('/dlq/replays', {}, { traceparent })
    assert.equal(started.status, 202, await started.clone().text())
    const request = await spanOf('guardian-api', 'POST /dlq/replays', traceId)
    const start = await spanOf('guardian-api', 'StartWorkflow:dlqReplay', traceId)
    assert.equal(start.parentSpanId, request.spanId)
    const run = await spanOf('guardian-orchestrator', 'RunWorkflow:dlqReplay', traceId)
    assert.equal(run.parentSpanId, start.spanId)
    await spanOf('guardian-orchestrator', 'RunActivity:replayDeadLetters', traceId)
  })

  it('goes from a command that begins a run to its workflow and activities', async () => {
    await stage.ask(['dlq', 'replay', '--dry-run'])
    const start = receiver.spans.find(
      ({ service, name }) => service === 'guardian-cli' && name === 'StartWorkflow:dlqReplay',
    )
    assert.ok(start, 'the command has sent its span before it ended')
    const run = await spanOf('guardian-orchestrator', 'RunWorkflow:dlqReplay', start.traceId)
    assert.equal(run.parentSpanId, start.spanId)
    await spanOf('guardian-orchestrator', 'RunActivity:replayDeadLetters', start.traceId)
  })
})
