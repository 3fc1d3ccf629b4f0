import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheDirOf } from '../../../deploy/local/server-cache.js'
import { ADMIN_KEY } from '../../support/api-keys.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack } from '../../support/stack.js'
import { fetchSchemathesis, SCHEMATHESIS_VERSION } from '../http/fetch-schemathesis.js'
import { startProductApi, type ProductApi } from '../http/product-api.js'
import { runSchemathesis, type SchemathesisRun } from '../http/run-schemathesis.js'
import type { Row } from '../row.js'

/** An answer that goes on for ever ends no request: `integration/api/log-and-stream` has this one. */
const ENDLESS = ['/anomalies/stream']

/**
 * Where a request that fits the document can still be refused, by what no JSON schema says: an end before its start, a time
 * in the past or out of range, one of two fields, an opaque id or cursor that nobody gave, a rule that cannot decide, the
 * ETag of another version. For these `positive_data_acceptance` lets 400, 412 and 422 pass; for all others it does not.
 */
const JUDGED_BY_VALUE = [
  'GET /alerts',
  'GET /anomalies',
  'GET /anomalies/{id}',
  'GET /anomalies/{id}/verdict',
  'PUT /anomalies/{id}/verdict',
  'POST /allowlist',
  'GET /audit',
  'GET /audit/export',
  'POST /backfills',
  'GET /backfills/preview',
  'POST /backtests',
  'GET /dlq/records',
  'POST /dlq/replays',
  'POST /events',
  'GET /funnel',
  'GET /items/popular',
  'POST /keys',
  'POST /keys/{key_id}/rotate',
  'POST /metrics/daily/{day}/runs',
  'GET /metrics/daily/{day}/runs/{run_id}',
  'GET /pipeline-runs',
  'GET /reconciliations/{day}/differences',
  'POST /rules/{rule_id}/versions',
  'PUT /rules/{rule_id}/versions/{version}',
  'PUT /rules/{rule_id}/versions/{version}/state',
  'GET /sessions/{session_id}/events',
  'POST /silences',
  'GET /slo',
  'GET /stats',
  'POST /users',
  'PATCH /users/{user_id}',
]

/** 422 is for any change whose Idempotency-Key has been used for another one. 428 is what RFC 6585 has for a change without its condition; 431 is Node's own, for what is longer than its limit. */
const CONFIGURATION = [
  '[checks]',
  'positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]',
  'missing_required_header.expected-statuses = [400, 401, 403, 406, 415, 422, 428, 431]',
  'negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, 431]',
  ...JUDGED_BY_VALUE.flatMap((name) => [
    '[[operations]]',
    `include-name = "${name}"`,
    'checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 410, 412, 422, 429]',
  ]),
].join('\n')

/** In these letters: the check `ignored_auth` does not leave out a header that it knows by others. */
const AS_ADMIN = { Authorization: `Bearer ${ADMIN_KEY}` }

async function withApi<T>(work: (api: ProductApi) => Promise<T>): Promise<T> {
  const servers = await testStack()
  const stage = await DetectionStage.open(servers)
  try {
    const api = await startProductApi({
      ...stage.env,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      API_KEY_REQUESTS_PER_MINUTE: '10000000',
      API_REFUSALS_PER_MINUTE: '1000000',
    })
    try {
      return await work(api)
    } finally {
      await api.stop()
    }
  } finally {
    await stage.close()
  }
}

export const row: Row = {
  id: 'D2',
  fault:
    'schemathesis over the whole OpenAPI document, every phase and every check, on the real servers: with an admin key, then with none',
  invariant: 'no failure: every answer is one that the document has, and is as it says',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const examples = quick ? 5 : 100
    const tool = await fetchSchemathesis({ cacheDir: cacheDirOf(process.env), env: process.env, report: say })
    const folder = mkdtempSync(join(tmpdir(), 'guardian-schemathesis-'))
    const runs: SchemathesisRun[] = []
    try {
      await withApi(async (api) => {
        for (const headers of [AS_ADMIN, {}]) {
          const settings = { url: api.url, headers, examples, seed, configuration: CONFIGURATION, folder }
          const run = await runSchemathesis(tool, { ...settings, excluded: ENDLESS })
          say(`${runs.length === 0 ? 'admin' : 'no'} key: ${run.requests} requests, ${run.failures} failures`)
          runs.push(run)
          if (!api.process.isRunning) throw new Error(`the API has ended:\n${api.process.output}`)
        }
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    const sum = (of: (run: SchemathesisRun) => number) => runs.reduce((total, run) => total + of(run), 0)
    const failures = sum((run) => run.failures)
    return {
      held: failures === 0 && runs.every(({ requests }) => requests > 500),
      figure: `${sum(({ requests }) => requests)} requests over ${runs[0]?.operations ?? 0} operations, ${failures} failures`,
      configuration: { schemathesis: SCHEMATHESIS_VERSION, 'examples per operation': examples, keys: 'admin, none' },
      differences: runs.flatMap(({ findings }) => findings),
    }
  },
}
