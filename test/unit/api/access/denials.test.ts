import assert from 'node:assert/strict'
import { pino } from 'pino'
import { DenialRecorder, type Denial } from '../../../../api/access/denials.js'

const denial = (actor: string, actorName: string, reason: string, action = 'GET /keys'): Denial => ({
  ...{ actor, actorName, action, target: '/keys', requestId: 'r', before: null, after: { reason } },
})

describe('DenialRecorder', () => {
  let written: string[]
  let nowMs: number
  let isAway: boolean
  let recorder: DenialRecorder
  const open = (maxQueued = 100) =>
    new DenialRecorder(
      (entries) => {
        if (isAway) return Promise.reject(new Error('away'))
        written.push(...entries.map(({ actorName, after }) => `${actorName} ${JSON.stringify(after)}`))
        return Promise.resolve()
      },
      pino({ level: 'silent' }),
      maxQueued,
      () => nowMs,
    )

  beforeEach(() => {
    written = []
    nowMs = 1_000
    isAway = false
    recorder = open()
  })

  it('writes one entry for an address and a reason, however many attempts and paths', async () => {
    for (let i = 0; i < 1_403; i++) recorder.add(denial('unknown', '192.0.2.1', 'unknown', `GET /${i}`))
    recorder.add(denial('unknown', '192.0.2.2', 'unknown'))
    recorder.add(denial('key_1', 'shop', 'forbidden'))
    recorder.add(denial('key_1', 'shop', 'forbidden', 'POST /keys'))
    await recorder.flush()
    assert.deepEqual(written, [
      '192.0.2.1 {"reason":"unknown","attempts":1403}',
      '192.0.2.2 {"reason":"unknown"}',
      'shop {"reason":"forbidden"}',
      'shop {"reason":"forbidden"}',
    ])
  })

  it('writes a caller again after a minute, and loses no count in between', async () => {
    const attempt = () => recorder.add(denial('unknown', '192.0.2.1', 'unknown'))
    const settled = () => new Promise((resolve) => setTimeout(resolve, 300))
    attempt()
    await settled()
    attempt()
    attempt()
    await settled()
    assert.deepEqual([written.length, recorder.queued], [1, 1])
    nowMs += 60_000
    await recorder.flush()
    assert.equal(written[1], '192.0.2.1 {"reason":"unknown","attempts":2}')
  })

  it('counts callers beyond its limit, and keeps what could not be written', async () => {
    recorder = open(1)
    recorder.add(denial('unknown', '192.0.2.1', 'unknown'))
    recorder.add(denial('unknown', '192.0.2.2', 'unknown'))
    isAway = true
    await recorder.flush()
    assert.equal(recorder.queued, 1)
    isAway = false
    await recorder.flush()
    assert.deepEqual(written, ['192.0.2.1 {"reason":"unknown"}', 'api {"count":1}'])
  })
})
