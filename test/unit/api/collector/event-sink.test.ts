import assert from 'node:assert/strict'
import { EventSink, type EventRecord, type OpenSink, type SinkDeps } from '../../../../api/collector/event-sink.js'
import { Registry } from '../../../../platform/metrics.js'
import { OverloadError } from '../../../../platform/resilience/admission.js'
import { DeadlineError } from '../../../../platform/resilience/deadline.js'

const record: EventRecord = { topic: 't', key: 'k', value: Buffer.of(1), partition: 0, eventMs: 0 }

describe('EventSink', () => {
  let acknowledged: number
  let answer: (error?: Error) => void
  beforeEach(() => {
    acknowledged = 0
  })
  const opened = (): OpenSink => ({
    encodeClick: () => Buffer.of(1),
    encodePurchase: () => Buffer.of(2),
    partitionOf: () => 0,
    send: () =>
      new Promise((resolve, reject) => (answer = (error) => (error === undefined ? resolve() : reject(error)))),
  })
  const sink = (deps: Partial<SinkDeps> = {}) =>
    new EventSink({
      open: () => Promise.resolve(opened()),
      acknowledged: (records) => (acknowledged += records.length),
      breaker: { execute: (call) => call() },
      deadlineMs: 20,
      maxInFlight: 3,
      registry: new Registry(),
      ...deps,
    })
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('counts what Kafka has acknowledged, and nothing before', async () => {
    const sent = sink({ deadlineMs: 5_000 })
    const sending = sent.send([record, record])
    await turn()
    assert.equal(acknowledged, 0)
    answer()
    await sending
    assert.equal(acknowledged, 2)
  })

  it('keeps the places of events whose caller has given up, until Kafka has answered', async () => {
    const sent = sink()
    await assert.rejects(sent.send([record, record]), DeadlineError)
    await assert.rejects(sent.send([record, record]), OverloadError)
    answer(new Error('no broker'))
    await turn()
    const sending = sent.send([record, record])
    await turn()
    answer()
    await sending
    assert.equal(acknowledged, 2)
  })

  it('counts events from the moment they are given: requests that come while it opens share the limit', async () => {
    const sent = sink({ deadlineMs: 5_000 })
    const first = sent.send([record, record])
    await assert.rejects(sent.send([record, record]), OverloadError)
    await turn()
    answer()
    await first
    const failing = sink({ open: () => Promise.reject(new Error('no registry')) })
    for (let i = 0; i < 3; i++) await assert.rejects(failing.send([record, record]), /no registry/)
  })

  it('opens again after it could not, once for all who wait', async () => {
    let opens = 0
    const failing = sink({
      open: () => {
        opens += 1
        return opens === 1 ? Promise.reject(new Error('no registry')) : Promise.resolve(opened())
      },
    })
    await assert.rejects(failing.encoder(), /no registry/)
    await Promise.all([failing.encoder(), failing.encoder()])
    await failing.encoder()
    assert.equal(opens, 2)
  })
})
