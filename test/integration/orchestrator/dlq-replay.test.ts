import assert from 'node:assert/strict'
import { pino } from 'pino'
import { TOPICS } from '../../../domain/events.js'
import { createEncoder } from '../../../platform/avro/codec.js'
import { createKafka } from '../../../platform/kafka/client.js'
import { startProducer, type OutgoingRecord } from '../../../platform/kafka/producer.js'
import { AVRO_SCHEMAS } from '../../../schemas/avro-schemas.js'
import type { DeadLetterList } from '../../../schemas/rest/dead-letters.js'
import type { BackfillPreview, Job, Schedule } from '../../../schemas/rest/jobs.js'
import type { OperationName } from '../../../schemas/rest/operations.js'
import type { BackfillKpiResult, DlqReplayResult } from '../../../workflows/contract.js'
import { AlertStage } from '../../support/alert-stage.js'
import { asAdmin } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { readTopics } from '../../support/dump-topic.js'
import { readAnswer, readProblem } from '../../support/serve-api.js'
import { startStageApi, type StageApi } from '../../support/stage-api.js'
import { useTestStack } from '../../support/stack.js'

const { clicks, deadLetters } = TOPICS
const FIT = 60

const text = (base64: string | undefined | null): string => Buffer.from(base64 ?? '', 'base64').toString()

describe('guardian dlq', function () {
  this.timeout(180_000)
  useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let stage: AlertStage
  const clicksNow = () => readTopics(stage.stage.brokers, [clicks])
  const replay = (...words: string[]) =>
    stage.stage.ask<DlqReplayResult & { replay_id: string }>([
      'dlq',
      'replay',
      '--rate',
      '2000',
      '--wait',
      '0',
      ...words,
    ])

  const statesOf = async (...words: string[]) => {
    const { letters } = await stage.stage.ask<{ letters: readonly { state: string }[] }>(['dlq', 'list', ...words])
    const counts: Record<string, number> = {}
    for (const { state } of letters) counts[state] = (counts[state] ?? 0) + 1
    return counts
  }

  /** Sends a dead letter that would be taken now. @returns its place, as `dlq list` has it */
  const sendFit = async (page: string): Promise<string> => {
    const { schemas } = await stage.stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const encode = createEncoder(
      AVRO_SCHEMAS[clicks] ?? '',
      schemas.find(({ subject }) => subject === `${clicks}-value`)?.id ?? 0,
    )
    const value = encode({
      ...{ event_id: `e-${page.length}`, event_ts: Date.now(), ingest_ts: Date.now(), source: 'web', session_id: 's1' },
      ...{ user_id: null, event_type: 'page_view', item_id: null, page, ip: null, user_agent: null, referrer: null },
    })
    const log = pino({ level: 'silent' })
    const kafka = createKafka({ brokers: stage.stage.brokers, clientId: 'test', requestTimeoutMs: 10_000 }, log)
    const { value: producer, stop } = await startProducer(kafka, {}, log)
    const headers = { '__connect.errors.topic': clicks, 'guardian.error.code': 'INVALID' }
    await producer.send([{ topic: deadLetters, key: 's1', value, headers }])
    await stop()
    const { letters } = await stage.stage.ask<{ letters: readonly { partition: number; offset: number }[] }>([
      ...['dlq', 'list', '--limit', '1'],
    ])
    return `${letters[0]?.partition ?? ''}@${letters[0]?.offset ?? ''}`
  }

  before(async () => {
    stage = await AlertStage.open()
    await stage.stage.ask(['simulate', '--day', '2026-01-10', '--events', '200', '--duration', '30s'])
    const log = pino({ level: 'silent' })
    const kafka = createKafka({ brokers: stage.stage.brokers, clientId: 'test', requestTimeoutMs: 10_000 }, log)
    const { value: producer, stop } = await startProducer(kafka, {}, log)
    const dead = (value: Buffer, code: string, more: Record<string, string> = {}): OutgoingRecord => ({
      topic: deadLetters,
      key: 'session',
      value,
      headers: {
        'its-own': 'header',
        '__connect.errors.topic': clicks,
        '__connect.errors.offset': '7',
        'guardian.error.code': code,
        ...more,
      },
    })
    const events = (await clicksNow()).slice(0, FIT).map(({ value }) => Buffer.from(value ?? '', 'base64'))
    const [first = Buffer.alloc(0)] = events
    await producer.send([
      ...events.map((value) => dead(value, 'DECODE')),
      ...Array.from({ length: 5 }, () => dead(Buffer.from('no event'), 'DECODE')),
      dead(first, 'DECODE', { 'guardian.replay.attempt': '3' }),
      dead(first, 'DECODE', { '__connect.errors.topic': 'somewhere' }),
      dead(first, 'INVALID', { '__connect.errors.exception.message': 'event_id is empty' }),
    ])
    await stop()
  })
  after(() => stage.close())

  it('list: what there is, by cause and origin, without its content', async () => {
    const all = await stage.stage.ask<{ selected: number; letters: readonly object[] }>([
      'dlq',
      'list',
      '--limit',
      '10',
    ])
    assert.deepEqual([all.selected, all.letters.length], [FIT + 8, 10])
    const some = await stage.stage.ask<{ selected: number }>(['dlq', 'list', '--cause', 'INVALID', '--topic', clicks])
    assert.equal(some.selected, 1)
    assert.equal((await stage.stage.guardian(['dlq', 'list', '--record', 'x'])).code, 2)
  })

  const expected = {
    selected: FIT + 7,
    outcomes: { replayed: FIT, already_replayed: 0, unfit: 5, parked: 1, no_origin: 1 },
    faults: { DECODE: 5 },
  }

  it('a dry run says what would be done and why not the rest, and does nothing', async () => {
    const before = (await clicksNow()).length
    const { selected, outcomes, faults } = await replay('--cause', 'DECODE', '--dry-run')
    assert.deepEqual({ selected, outcomes, faults }, expected)
    assert.equal((await clicksNow()).length, before)
    const { rows } = await stage.stage.db.query('SELECT 1 FROM dead_letter_replays LIMIT 1')
    assert.equal(rows.length, 0)
  })

  it('a replay sends back those that fit, as they were, with its id and the attempt, and keeps a result of each', async () => {
    const before = await clicksNow()
    const { selected, outcomes, faults, replay_id: id } = await replay('--cause', 'DECODE')
    assert.deepEqual({ selected, outcomes, faults }, expected)
    const known = new Set(before.map(({ partition, offset }) => `${partition}@${offset}`))
    const added = (await clicksNow()).filter(({ partition, offset }) => !known.has(`${partition}@${offset}`))
    assert.equal(added.length, FIT)
    const values = new Set(before.map(({ value }) => value))
    for (const { value, key, headers } of added) {
      assert.ok(values.has(value), 'the event is as it was')
      assert.equal(text(key), 'session')
      const own = Object.fromEntries(Object.entries(headers).map(([name, all]) => [name, all.map(text)]))
      const { 'guardian.replay.of': of, ...rest } = own
      assert.match(of?.join() ?? '', /^\d+@\d+$/)
      assert.deepEqual(rest, { 'its-own': ['header'], 'guardian.replay.id': [id], 'guardian.replay.attempt': ['1'] })
    }
    const { rows } = await stage.stage.db.query<{ outcome: string; n: number }>(
      'SELECT r.outcome, count(*)::int AS n FROM dead_letter_replays r WHERE r.replay_id = $1 GROUP BY 1 ORDER BY 1',
      [id],
    )
    assert.deepEqual(
      rows.map(({ outcome, n }) => [outcome, n]),
      [
        ['no_origin', 1],
        ['parked', 1],
        ['replayed', FIT],
        ['unfit', 5],
      ],
    )
  })

  it('the same again sends nothing', async () => {
    const before = (await clicksNow()).length
    const { outcomes } = await replay('--cause', 'DECODE')
    assert.deepEqual([outcomes.replayed, outcomes.already_replayed], [0, FIT])
    assert.equal((await clicksNow()).length, before)
  })

  it('list: the reason of each, and where it stands', async () => {
    const states = await statesOf('--cause', 'DECODE')
    assert.deepEqual(states, { dead: 6, parked: 1, sent_back: FIT })
    const { stdout } = await stage.stage.guardian(['dlq', 'list', '--cause', 'INVALID'])
    assert.match(stdout, /dead {2}INVALID {2}from km\.clicks\.v1 {2}event_id is empty\n1 of 1 dead letters: 1 dead$/m)
  })

  it('one record alone can be sent back', async () => {
    const { letters } = await stage.stage.ask<{ letters: readonly { partition: number; offset: number }[] }>([
      ...['dlq', 'list', '--cause', 'INVALID'],
    ])
    const [one] = letters
    const { selected, outcomes } = await replay('--record', `${one?.partition ?? ''}@${one?.offset ?? ''}`)
    assert.deepEqual([selected, outcomes.replayed], [1, 1])
  })

  it('what the detector does with what was sent back is compared with the prediction', async () => {
    const [one, two] = [await sendFit('/'), await sendFit(`/${'x'.repeat(2_000)}`)]
    const detector = stage.stage.startDetector()
    const taken = await replay('--wait', '60', '--record', one)
    assert.equal(taken.outcomes.replayed, 1)
    const { recovered = 0, late = 0, ...rest } = taken.fates ?? {}
    assert.deepEqual([recovered + late, rest], [1, { dead_again: {}, undecided: 0 }])
    await detector.stop()
    const strict = stage.stage.startDetector({ MAX_RECORD_BYTES: '1024' })
    const { code, stdout } = await stage.stage.guardian(['dlq', 'replay', '--json', '--wait', '60', '--record', two])
    const refused = JSON.parse(stdout) as DlqReplayResult
    assert.deepEqual([code, refused.fates?.dead_again, refused.fates?.recovered], [1, { TOO_LARGE: 1 }, 0])
    await strict.stop()
    const states = await statesOf()
    assert.deepEqual([states['dead_again'], (states['recovered'] ?? 0) + (states['late'] ?? 0)], [1, 1])
  })

  describe('work that the API starts', () => {
    let api: StageApi
    before(async () => {
      const { TEMPORAL_ADDRESS = '' } = stage.stage.env
      api = await startStageApi(stage.stage, { TEMPORAL_ADDRESS })
    })
    after(() => api.stop())
    const call = (method: string, path: string, body?: object) =>
      fetch(`${api.url}${path}`, {
        method,
        headers: { ...asAdmin, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      })
    /** Starts it, and follows its address until it is over. */
    const ended = async (start: OperationName, look: OperationName, path: string, body?: object): Promise<Job> => {
      const answer = await call('POST', path, body)
      const location = answer.headers.get('location') ?? ''
      let job = await readAnswer<Job>(start, answer)
      await waitUntil(
        () => JSON.stringify(job),
        60_000,
        async () => {
          job = await readAnswer<Job>(look, await call('GET', location))
          return job.status !== 'running'
        },
        200,
      )
      return job
    }
    const actions = async () => {
      const { rows } = await stage.stage.db.query<{ action: string }>('SELECT a.action FROM audit_log a ORDER BY a.seq')
      return rows.map(({ action }) => action)
    }

    it('a replay is a dry run unless it says otherwise, and its address tells what came of it', async () => {
      const before = (await clicksNow()).length
      const job = await ended('startReplay', 'getReplay', '/dlq/replays', { code: 'DECODE' })
      const { selected, outcomes } = job.result as DlqReplayResult
      assert.deepEqual([job.status, selected, outcomes.already_replayed], ['completed', FIT + 7, FIT])
      assert.equal((await clicksNow()).length, before)
      assert.equal((await actions()).at(-1), 'dlq.replay')
      const unknown = await call('GET', '/dlq/replays/2026-01-01T00:00:00-abcdef')
      assert.equal((await readProblem(unknown)).code, 'JOB_NOT_FOUND')
    })

    it('the dead letters are shown by cause, decoded where they can be', async () => {
      const path = '/dlq/records?code=DECODE&limit=100'
      const { causes, data } = await readAnswer<DeadLetterList>('listDeadLetters', await call('GET', path))
      assert.deepEqual(causes[0], { code: 'DECODE', topic: clicks, records: FIT + 6 })
      assert.deepEqual([data.length, data.filter(({ event }) => event !== null).length], [FIT + 7, FIT + 1])
      assert.deepEqual([...new Set(data.map(({ state }) => state))].sort(), ['dead', 'parked', 'sent_back'])
      assert.ok(data.some(({ raw }) => text(raw) === 'no event'))
      const offsetsOf = (page: Pick<DeadLetterList, 'data'>) =>
        page.data.map((one) => `${one.kafka_partition}/${one.kafka_offset}`)
      const paged: string[] = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = `code=DECODE&limit=3${cursor && `&cursor=${cursor}`}`
        const page: DeadLetterList = await readAnswer('listDeadLetters', await call('GET', `/dlq/records?${query}`))
        paged.push(...offsetsOf(page))
        cursor = page.page.next_cursor
      }
      assert.deepEqual(paged.toSorted(), offsetsOf({ data }).sort())
      const [newest] = data
      const older = await readAnswer<DeadLetterList>(
        'listDeadLetters',
        await call('GET', `${path}&to=${newest?.append_ts ?? ''}`),
      )
      assert.ok(older.data.every(({ append_ts }) => append_ts < (newest?.append_ts ?? '')))
    })

    it('a backfill goes on after a day that fails, and says of each day what became of it', async () => {
      const preview = await readAnswer<BackfillPreview>(
        'previewBackfill',
        await call('GET', '/backfills/preview?from=2026-01-08&to=2026-01-09'),
      )
      assert.deepEqual([preview.days.length, preview.to_compute], [2, 2])
      const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
      const job = await ended('startBackfill', 'getBackfill', '/backfills', { from: tomorrow, to: tomorrow })
      const { days } = job.result as BackfillKpiResult
      assert.deepEqual([job.status, days.map(({ state }) => state)], ['completed', ['failed']])
      const run = await ended('startDayRun', 'getDayRun', `/metrics/daily/${tomorrow}/runs`)
      assert.equal(run.status, 'failed')
      assert.match(run.reason ?? '', /is not over until/)
      const bad = await call('POST', '/backfills', { from: '2026-01-09', to: '2026-01-08' })
      assert.equal((await readProblem(bad)).code, 'BAD_REQUEST')
    })

    it('a schedule is paused and resumed with a reason, and started out of turn', async () => {
      const stateOf = async (id: string) =>
        (await readAnswer<{ data: Schedule[] }>('listSchedules', await call('GET', '/schedules'))).data.find(
          (one) => one.id === id,
        )
      assert.equal((await stateOf('daily-kpi'))?.workflow_type, 'dailyKpi')
      const change = (name: OperationName, id: string, how: string, body?: object) =>
        call('POST', `/schedules/${id}/${how}`, body).then((answer) => readAnswer<Schedule>(name, answer))
      const paused = await change('pauseSchedule', 'daily-kpi', 'pause', { note: 'the archive is moved' })
      assert.deepEqual([paused.paused, paused.note, paused.next_ts], [true, 'the archive is moved', null])
      const resumed = await change('resumeSchedule', 'daily-kpi', 'resume', { note: 'it is there' })
      assert.deepEqual([resumed.paused, resumed.next_ts === null], [false, false])
      await change('triggerSchedule', 'partition-maintenance', 'trigger')
      await waitUntil(
        () => 'partition-maintenance has not started',
        20_000,
        async () => (await stateOf('partition-maintenance'))?.last_ts !== null,
      )
      assert.deepEqual((await actions()).slice(-3), ['schedule.pause', 'schedule.resume', 'schedule.trigger'])
      const nobody = await call('POST', '/schedules/nobody/trigger')
      assert.equal((await readProblem(nobody)).code, 'SCHEDULE_NOT_FOUND')
    })
  })
})
