import assert from 'node:assert/strict'
import { getAnomaly, listAnomalies } from '../../../db/read-models/anomalies.js'
import { readStats } from '../../../db/read-models/stats.js'
import { Problem } from '../../../schemas/rest/problem.js'
import { anomalyRow, insertAnomalies } from '../../support/anomaly-row.js'
import {
  everySingleFault,
  hostileRequest,
  seededRandom,
  send,
  type HostileRequest,
  type Received,
} from '../../support/hostile-requests.js'
import { operations, serveApi, type ServedApi } from '../../support/serve-api.js'
import { useTestStack } from '../../support/stack.js'
import { createMigratedDatabase, type MigratedDatabase } from '../../support/test-pool.js'

const REQUESTS = Number(process.env['HOSTILE_REQUESTS'] ?? '4000')
const SEED = Number(process.env['HOSTILE_SEED'] ?? '20261001')
const ATONCE = 8
const DEADLINE_MS = 2_000
/** Words of the inside: a stack, SQL, a driver, a file. */
const INSIDE = /\bat \S+ \(|node_modules|\.js:\d|\bSELECT\b|syntax error|relation "|pg_|ECONN|GRD_|drizzle/

describe(`${REQUESTS} hostile requests (seed ${SEED})`, function () {
  this.timeout(300_000)
  useTestStack('postgres')
  let database: MigratedDatabase
  let api: ServedApi
  before(async () => {
    database = await createMigratedDatabase('hostile')
    await insertAnomalies(database.db, [anomalyRow()])
    api = await serveApi({
      anomalies: {
        list: (request) => listAnomalies(database.db, request),
        get: (key) => getAnomaly(database.db, key),
      },
      readStats: (from, to) => readStats(database.db, from, to),
    })
  })
  after(async () => {
    await api.stop()
    await database.drop()
  })

  it('are answered, each in time, by 2xx or a whole problem; none by 5xx, none tells of the inside', async () => {
    const random = seededRandom(SEED)
    const paths = [...new Set(Object.values(operations).map(({ path }) => path)), '/nope']
    const requests = everySingleFault('/anomalies')
    while (requests.length < REQUESTS) requests.push(hostileRequest(random, paths))
    const statuses = new Map<number, number>()
    const next = requests.values()
    const worker = async () => {
      for (const request of next) {
        const answer = await send(api.port, request, DEADLINE_MS).catch((error: unknown) => {
          throw new Error(`no answer to ${JSON.stringify(request).slice(0, 500)}`, { cause: error })
        })
        judge(request, answer)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: ATONCE }, worker))
    for (const expected of [200, 400, 404, 405, 413, 415])
      assert.ok((statuses.get(expected) ?? 0) > 0, `no ${expected} among ${JSON.stringify([...statuses])}`)
    assert.equal((await listAnomalies(database.db, { limit: 10 })).rows.length, 1)
  })
})

function judge(request: HostileRequest, { status, headers, body }: Received): void {
  const what = `${status} to ${JSON.stringify(request).slice(0, 500)}: ${body.slice(0, 300)}`
  assert.ok(status < 500, what)
  assert.match(String(headers['x-request-id']), /^[\w.-]+$/, what)
  const isPage = /^\/(docs|openapi|$)/.test(request.path)
  if (!isPage) assert.doesNotMatch(body, INSIDE, what)
  if (status < 400 || request.method === 'HEAD') return
  assert.equal(headers['content-type'], 'application/problem+json; charset=utf-8', what)
  assert.equal(Problem.parse(JSON.parse(body)).status, status, what)
}
