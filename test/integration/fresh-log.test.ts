import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TOPICS } from '../../domain/events.js'
import { freshLogOf } from '../../domain/fresh-log.js'
import { packageRoot } from '../../platform/package-root.js'
import type { Anomaly, AnomalyList } from '../../schemas/rest/anomalies.js'
import { longLog, sampleShiftedTo } from '../support/access-logs.js'
import { asAdmin } from '../support/api-keys.js'
import { everyFigure } from '../support/every-figure.js'
import { runGuardian, waitUntil } from '../support/child-process.js'
import { processesOf } from '../support/local-start.js'
import { DetectionStage } from '../support/detection-stage.js'
import { askBrokers } from '../support/kafka-admin.js'
import { sendJson } from '../support/send-json.js'
import { readAnswer, readProblem } from '../support/serve-api.js'
import { startStageApi, type StageApi } from '../support/stage-api.js'
import { useTestStack } from '../support/stack.js'

const RULES = { highFrequency: [10_000, 10_000, 5], botLike: [60_000, 10_000, 6, 2] } as const
const LOG = freshLogOf('access')

interface FreshReport {
  readonly accepted: number
  readonly fresh: {
    readonly name: string
    readonly topic: string
    readonly complete: boolean
    readonly decided: Readonly<Record<'accepted' | 'duplicate' | 'late' | 'dead', number>>
    readonly anomalies: Readonly<Record<string, number>>
  }
}

const CLI = join(packageRoot, 'dist', 'cli', 'main.js')

describe('an old log in topics and tables of its own', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let file: string
  let api: StageApi
  let liveRows: Awaited<ReturnType<DetectionStage['rows']>>
  let before_: Awaited<ReturnType<typeof everyFigure>>

  before(async () => {
    stage = await DetectionStage.open(servers())
    await stage.freshDatabase(RULES)
    file = stage.file('access-log')
    await writeFile(file, sampleShiftedTo(Date.now() - 6 * 3_600_000))
    // The same file in the live topic: the same sessions and windows are there twice.
    await stage.ask(['ingest', file])
    await stage.finish(stage.startDetector(), await stage.logEnds())
    liveRows = await stage.rows()
    api = await startStageApi(stage)
    before_ = await everyFigure(stage, api)
    assert.ok(
      JSON.stringify(before_.answers['/stats']).includes('HIGH_FREQUENCY'),
      'there are figures that could change',
    )
  })

  after(async () => {
    await api.stop()
    await removeFreshLogs()
    await stage.close()
  })

  const get = (path: string) => fetch(`${api.url}${path}`, { headers: asAdmin })
  const list = async (query: string): Promise<Anomaly[]> =>
    (await readAnswer<AnomalyList>('listAnomalies', await get(`/anomalies?limit=1000&${query}`))).data

  async function removeFreshLogs(): Promise<void> {
    await askBrokers(stage.brokers, async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith('km.logs.'))
      if (topics.length > 0) await admin.deleteTopics({ topics })
    })
  }

  async function endOf(topic: string): Promise<number> {
    let sum = 0
    await askBrokers(stage.brokers, async (admin) => {
      for (const { high } of await admin.fetchTopicOffsets(topic)) sum += Number(high)
    })
    return sum
  }

  async function hasBegun(schema: string): Promise<boolean> {
    const { rows } = await stage.db.query<{ exists: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS exists', [
      schema,
    ])
    if (rows[0]?.exists !== true) return false
    return (await stage.db.query(`SELECT FROM ${schema}.detector_checkpoints`)).rows.length > 0
  }

  const runWith = (env: Record<string, string>, args: readonly string[]) => runGuardian(args, { ...stage.env, ...env })

  const decidedRows = async () => {
    const db = await stage.db.connect()
    try {
      await db.query(`SET search_path = ${LOG.schema}, public`)
      return await stage.rows(db)
    } finally {
      db.release(true)
    }
  }

  it('are decided as the live topic was: the same rows, but for the topic', async () => {
    const { accepted, fresh } = await stage.ask<FreshReport>(['ingest', '--fresh', '--name', 'access', file])
    assert.equal(fresh.topic, LOG.topic)
    assert.equal(fresh.complete, true)
    assert.deepEqual(fresh.decided, { accepted, duplicate: 0, late: 0, dead: 0 })
    assert.ok(liveRows.length > 10)
    assert.equal(fresh.anomalies['total'], liveRows.length)
    const same = (row: object) => ({ ...row, topic: '', produced_ts: 0, kafka_ts: 0 })
    assert.deepEqual((await decidedRows()).map(same), liveRows.map(same))
  })

  it('change no other figure', async () => {
    assert.deepEqual(await everyFigure(stage, api), before_)
  })

  it('are listed by their topic alone, and each by its id', async () => {
    const rows = await list(`topic=${LOG.topic}`)
    assert.equal(rows.length, liveRows.length)
    assert.deepEqual(new Set(rows.map(({ topic }) => topic)), new Set([LOG.topic]))
    for (const query of ['', `topic=${TOPICS.clicks}`, `session=${rows[0]?.session_id ?? ''}`])
      assert.deepEqual(new Set((await list(query)).map(({ topic }) => topic)), new Set([TOPICS.clicks]), query)
    for (const row of rows.slice(0, 3))
      assert.deepEqual(await readAnswer<Anomaly>('getAnomaly', await get(`/anomalies/${row.id}`)), row)
    const first = await readAnswer<AnomalyList>('listAnomalies', await get(`/anomalies?limit=4&topic=${LOG.topic}`))
    const next = first.page.next_cursor ?? ''
    assert.deepEqual(
      [...first.data, ...(await list(`topic=${LOG.topic}&cursor=${next}`))].map(({ id }) => id),
      rows.map(({ id }) => id),
    )
    assert.equal((await readProblem(await get(`/anomalies?cursor=${next}`))).code, 'BAD_REQUEST')
  })

  it('are those of guardian scan, which reads the same file without any server', async () => {
    const rules = ['HIGH_FREQUENCY.minEvents=5', 'BOT_LIKE.minEvents=6', 'BOT_LIKE.maxDistinctItems=2']
    const scan = await stage.ask<{ anomalies: Anomaly[] }>(['scan', file, ...rules.flatMap((rule) => ['--rule', rule])])
    const same = ({
      session_id,
      user_id,
      rule_id,
      window_start,
      window_end,
      event_count,
      distinct_items,
      ...row
    }: Anomaly) => ({
      ...{ session_id, user_id, rule_id, window_start, window_end, event_count, distinct_items },
      ...{ status: row.status, mode: row.mode, partition: row.kafka_partition },
      ...{ first: row.first_offset, last: row.last_offset, as_of: row.as_of_offset },
    })
    assert.deepEqual(scan.anomalies.map(same), (await list(`topic=${LOG.topic}`)).map(same))
  })

  it('are explained, and so are the sessions without any', async () => {
    const [row] = await list(`topic=${LOG.topic}&status=confirmed`)
    assert.ok(row)
    const said = await stage.ask<{ agrees: boolean; topic: string }>(['explain', row.id])
    assert.deepEqual([said.agrees, said.topic], [true, LOG.topic])
    const why = await stage.ask<{ records: { accepted: number }; rules: { reason: string }[] }>([
      ...['why-not', row.session_id, '--topic', LOG.topic],
    ])
    assert.ok(why.records.accepted >= row.event_count)
    assert.ok(why.rules.some(({ reason }) => reason === 'flagged'))
    assert.equal((await stage.guardian(['why-not', 's', '--topic', TOPICS.purchases])).code, 2)
  })

  it('take no verdict, which would act on the same session of the live log', async () => {
    const [row] = await list(`topic=${LOG.topic}`)
    const path = `${api.url}/anomalies/${row?.id ?? ''}/verdict`
    assert.equal((await readProblem(await get(`/anomalies/${row?.id ?? ''}/verdict`))).code, 'BAD_REQUEST')
    const refused = await sendJson(path, 'PUT', { ...asAdmin, 'if-match': '"x"' }, { verdict: 'false_positive' })
    assert.equal((await readProblem(refused)).code, 'BAD_REQUEST')
  })

  it('are not added to when the file is read again', async () => {
    const rows = await decidedRows()
    const { accepted, fresh } = await stage.ask<FreshReport>(['ingest', '--fresh', file, '--name', 'access'])
    const { duplicate, late, ...rest } = fresh.decided
    assert.deepEqual([duplicate + late, rest], [accepted, { accepted: 0, dead: 0 }])
    assert.deepEqual(await decidedRows(), rows)
  })

  it('keep late and dead records in topics of their own', async () => {
    assert.ok((await endOf(LOG.late)) > 0)
    assert.equal(await endOf(LOG.deadLetters), 0)
  })

  it('are no more than FRESH_LOGS_MAX, named after their file, and of a name that can be a topic', async () => {
    const full = await runWith({ FRESH_LOGS_MAX: '1' }, ['ingest', '--fresh', file])
    assert.equal(full.code, 1)
    assert.match(full.stderr, /FRESH_LOGS_MAX.*--drop NAME.*access/)
    const { fresh } = await stage.ask<FreshReport>(['ingest', '--fresh', file])
    assert.deepEqual([fresh.name, fresh.topic], ['access-log', 'km.logs.access-log.v1'])
    assert.equal((await stage.guardian(['ingest', '--fresh', '--name', 'A_b', file])).code, 2)
    assert.equal((await stage.guardian(['ingest', '--name', 'b', file])).code, 2)
    assert.equal((await stage.guardian(['ingest', '--drop', 'access', file])).code, 2)
    assert.equal((await stage.guardian(['ingest'])).code, 2)
  })

  it('still change no other figure', async () => {
    assert.deepEqual(await everyFigure(stage, api), before_)
  })

  it('are gone once they are dropped, with topics, tables and group, and nothing else is', async () => {
    const [row] = await list(`topic=${LOG.topic}`)
    for (const name of ['access', 'access-log']) await stage.ask(['ingest', '--drop', name])
    const again = await stage.guardian(['ingest', '--drop', 'access'])
    assert.equal(again.code, 2)
    assert.match(again.stderr, /there is no fresh log access/)
    await askBrokers(stage.brokers, async (admin) => {
      assert.deepEqual(
        (await admin.listTopics()).filter((topic) => topic.startsWith('km.logs.')),
        [],
      )
      const { groups } = await admin.listGroups()
      assert.deepEqual(
        groups.filter(({ groupId }) => groupId.startsWith('guardian-fresh')),
        [],
      )
    })
    const { rows } = await stage.db.query("SELECT FROM pg_catalog.pg_namespace WHERE nspname LIKE 'fresh%'")
    assert.equal(rows.length, 0)
    assert.equal((await readProblem(await get(`/anomalies?topic=${LOG.topic}`))).code, 'TOPIC_NOT_FOUND')
    assert.equal((await readProblem(await get(`/anomalies/${row?.id ?? ''}`))).code, 'ANOMALY_NOT_FOUND')
    assert.deepEqual(await everyFigure(stage, api), before_)
  })

  it('come again under the same name', async () => {
    const { accepted, fresh } = await stage.ask<FreshReport>(['ingest', '--fresh', '--name', 'access', file])
    assert.deepEqual(fresh.decided, { accepted, duplicate: 0, late: 0, dead: 0 })
    assert.equal(fresh.anomalies['total'], liveRows.length)
  })

  it('are decided to the end when the command is killed and repeated, and its detector does not outlive it', async () => {
    const lines = 100_000
    const long = stage.file('long.log')
    await writeFile(long, longLog(lines))
    const { schema, topic } = freshLogOf('long')
    const killed = spawn(process.execPath, [CLI, 'ingest', '--fresh', long], {
      env: {
        PATH: process.env['PATH'],
        ...stage.env,
        FETCH_MAX_BYTES: '65536',
        FETCH_MAX_BYTES_PER_PARTITION: '16384',
      },
      stdio: 'ignore',
    })
    const exited = once(killed, 'exit')
    await waitUntil(
      () => 'its detector has begun',
      60_000,
      () => hasBegun(schema),
      5,
    )
    killed.kill('SIGKILL')
    await exited
    const detectorsOf = () => [...processesOf(stage.file(''))].filter(([, what]) => what.includes('detector'))
    await waitUntil(
      () => JSON.stringify(detectorsOf()),
      30_000,
      () => Promise.resolve(detectorsOf().length === 0),
    )
    const sent = await endOf(topic)
    assert.ok(sent < lines, `${sent} records were sent`)
    const { accepted, fresh } = await stage.ask<FreshReport>(['ingest', '--fresh', long])
    assert.equal(accepted, lines)
    assert.equal(fresh.topic, topic)
    const { rows } = await stage.db.query<{ accepted: number; anomalies: number }>(
      `SELECT (SELECT sum(c.accepted)::float8 FROM ${schema}.detector_checkpoints c) AS accepted,
              (SELECT count(*)::float8 FROM ${schema}.anomaly_sessions) AS anomalies`,
    )
    console.log(`      killed when ${sent} records were sent`)
    // 100 requests of one client in each ten seconds, every one of them on a page of its own.
    assert.deepEqual(rows, [{ accepted: lines, anomalies: lines / 100 }])
    await stage.ask(['ingest', '--drop', 'long'])
  })
})
