import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'dotenv'
import pg from 'pg'
import { WORKFLOWS } from '../../../workflows/contract.js'
import { waitUntil } from '../../support/child-process.js'
import { LocalStart, nothingLeft, processesOf, stackEnvironment } from '../../support/local-start.js'
import type { Row } from '../row.js'

const LIMIT_S = 120
/** Two days of 50,000 records, of which the invalid ones are not archived. */
const LEAST_ROWS = 95_000
const SCHEDULES = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))

const STATE = `
SELECT (SELECT count(*)::int FROM kpi_days k WHERE k.published_ts IS NOT NULL) AS days,
       (SELECT coalesce(sum(f.row_count), 0)::int FROM archive_files f WHERE f.first_day < now()::date) AS rows`

interface State {
  readonly days: number
  readonly rows: number
}

/** Waits for the figures of both days. @returns how the archive stands then */
async function published(databaseUrl: string): Promise<State> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  let state: State = { days: 0, rows: 0 }
  try {
    await waitUntil(
      () => `${state.days} days are published, ${state.rows} rows archived`,
      300_000,
      async () => {
        state = (await client.query<State>(STATE)).rows[0] ?? state
        return state.days >= 2
      },
    )
    return state
  } finally {
    await client.end()
  }
}

interface Listed {
  readonly executions?: readonly { readonly status: string }[]
  readonly schedules?: readonly { readonly scheduleId: string }[]
}

/** What Temporal's Web UI does not show: it is asked for the lists that its pages are made of. */
async function missingIn(uiUrl: string): Promise<string[]> {
  const list = async (what: string): Promise<Listed> => {
    const answer = await fetch(`${uiUrl}/api/v1/namespaces/default/${what}`)
    if (!answer.ok) throw new Error(`the Web UI answers ${answer.status} when it is asked for ${what}`)
    return (await answer.json()) as Listed
  }
  const runs = await list(`workflows?query=${encodeURIComponent("WorkflowType = 'dailyKpi'")}`)
  const completed = (runs.executions ?? []).filter(({ status }) => /COMPLETED$/i.test(status)).length
  const found = new Set((await list('schedules')).schedules?.map(({ scheduleId }) => scheduleId))
  const page = await fetch(uiUrl)
  return [
    ...(page.ok && /<html/i.test(await page.text()) ? [] : [`the Web UI has no page: ${page.status}`]),
    ...SCHEDULES.filter((id) => !found.has(id)).map((id) => `the Web UI shows no schedule ${id}`),
    ...(completed >= 2 ? [] : [`the Web UI shows ${completed} completed runs of dailyKpi`]),
  ]
}

/** A run is listed as completed a moment after its day is published. @returns what is still missing then */
async function missingSoon(uiUrl: string): Promise<string[]> {
  const giveUpAt = performance.now() + 15_000
  for (;;) {
    const missing = await missingIn(uiUrl)
    if (missing.length === 0 || performance.now() > giveUpAt) return missing
    await sleep(500)
  }
}

export const row: Row = {
  id: 'B12',
  fault: 'none: the first `npm start` on an empty machine, servers fetched',
  invariant: `within ${LIMIT_S} s the two past days of the simulated shop are archived and their figures published; runs and schedules are in Temporal's Web UI`,
  quick: true,
  run: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'guardian-first-start-'))
    const dataDir = join(folder, 'data')
    const startedAt = performance.now()
    const seconds = () => (performance.now() - startedAt) / 1_000
    const start = LocalStart.npm(await stackEnvironment(dataDir))
    try {
      await start.prints('is running', 300_000)
      const runningS = seconds()
      const addresses = parse(readFileSync(join(dataDir, 'stack.env')))
      const { rows } = await published(addresses['DATABASE_URL'] ?? '')
      const publishedS = seconds()
      const differences = await missingSoon(addresses['TEMPORAL_UI_URL'] ?? '')
      if (rows < LEAST_ROWS) differences.push(`${rows} rows are archived, of 100,000 records`)
      const shownS = seconds()
      if (shownS > LIMIT_S)
        differences.push(`published after ${publishedS.toFixed(0)} s, shown after ${shownS.toFixed(0)} s`)
      return {
        held: differences.length === 0,
        figure: `two days with ${rows} rows published after ${publishedS.toFixed(0)} s, everything running after ${runningS.toFixed(0)} s`,
        configuration: { recordsPerDay: 50_000, days: 2 },
        differences,
      }
    } finally {
      const running = processesOf(dataDir)
      start.killForeground('SIGINT')
      await start.exited
      await nothingLeft(dataDir, running)
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
