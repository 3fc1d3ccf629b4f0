/*
 * The API beside a bare Express route that runs the same SQL with as many connections, in turns, planned anew each time and
 * prepared; conditional reads beside full ones; the load of the system before (15 users for 20 s), without and with pauses;
 * and what the collector takes in batches.
 * `npm run bench -- api [seconds] [rounds]`
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../deploy/local/ports.js'
import { packageRoot } from '../platform/package-root.js'
import { fill } from './api/fill.js'
import { load, type Load } from './api/load.js'
import type { PeopleReport } from './api/people.js'
import { median, openStage, runToEnd, type Stage } from './stage.js'

const PATHS = ['/anomalies?limit=5', '/metrics/summary?days=7']
const CONNECTIONS = 15
const OLD_LOAD_SECONDS = 20
const PEOPLE = 15
/** Between an answer and the next request of the same person, on the mean: about 145 requests a second of all. */
const PAUSE_MS = 100
const POOL_MAX = '10'
const BATCH = 500
const COLLECTOR_CONNECTIONS = 8
const KEY = `gdn_${randomUUID()}${randomUUID()}`
const headers = { authorization: `Bearer ${KEY}` }

interface Server {
  readonly url: string
  readonly stop: () => Promise<void>
}

async function start(program: string, env: NodeJS.ProcessEnv, probe: string): Promise<Server> {
  const [port = 0, metricsPort = 0] = await findFreePorts(2)
  const child: ChildProcess = spawn(process.execPath, [join(packageRoot, 'dist', program)], {
    env: { ...env, PORT: String(port), API_METRICS_PORT: String(metricsPort), PG_POOL_MAX: POOL_MAX },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const isThere = () => fetch(url + probe, { headers }).then(({ ok }) => ok, () => false) // prettier-ignore
  while (!(await isThere())) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    await sleep(100)
  }
  const stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
  return { url, stop }
}

const apiEnv = (stage: Stage): NodeJS.ProcessEnv => ({
  ...stage.env,
  NODE_ENV: 'production',
  GUARDIAN_ADMIN_KEY: KEY,
  TEMPORAL_ADDRESS: '127.0.0.1:1',
  API_KEY_REQUESTS_PER_MINUTE: '10000000',
})

const line = (name: string, loads: readonly Load[], unit = 1): number => {
  const perSecond = median(loads.map((one) => one.perSecond)) * unit
  const [p50, p99] = [median(loads.map(({ p50Ms }) => p50Ms)), Math.max(...loads.map(({ p99Ms }) => p99Ms))]
  const failed = loads.reduce((sum, one) => sum + one.failed, 0)
  console.log(`| ${name} | ${Math.round(perSecond).toLocaleString('en')} | ${p50} | ${p99} | ${failed} |`)
  return perSecond
}

async function compareReads(ours: Server, bare: Server, seconds: number, rounds: number): Promise<string[]> {
  const ratios: string[] = []
  for (const path of PATHS) {
    const { headers: answered } = await fetch(ours.url + path, {
      headers: { ...headers, 'accept-encoding': 'identity' },
    })
    const conditional = { ...headers, 'if-none-match': answered.get('etag') ?? '' }
    const settings = { connections: CONNECTIONS, seconds, headers, status: '2xx' as const }
    const [full, known, plain, prepared]: [Load[], Load[], Load[], Load[]] = [[], [], [], []]
    for (const server of [ours, bare]) await load(server.url + path, { ...settings, seconds: 2 })
    for (let round = 0; round < rounds; round++) {
      plain.push(await load(bare.url + path, settings))
      prepared.push(await load(`${bare.url}/prepared${path}`, settings))
      full.push(await load(ours.url + path, settings))
      known.push(await load(ours.url + path, { ...settings, headers: conditional, status: '3xx' }))
    }
    const bareRate = line(`${path}, bare Express`, plain)
    const preparedRate = line(`${path}, bare Express, prepared statement`, prepared)
    const fullRate = line(`${path}, Guardian`, full)
    const knownRate = line(`${path}, Guardian, not modified`, known)
    ratios.push(
      `${path}: ${percent(fullRate / bareRate)} of the bare route, ${percent(fullRate / preparedRate)} of it prepared; 304 ${(knownRate / fullRate).toFixed(1)} × 200`,
    )
  }
  return ratios
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

/** @returns what fifteen people saw, as a sentence */
async function askAsPeople(url: string): Promise<string> {
  const args = [url, String(PEOPLE), String(OLD_LOAD_SECONDS), String(PAUSE_MS)]
  const seen = JSON.parse(await runToEnd('bench/api/people.js', args, { ...process.env, KEY })) as PeopleReport
  const [mean, p50, p95, p99] = [seen.meanMs, seen.p50Ms, seen.p95Ms, seen.p99Ms].map((ms) => ms.toFixed(1))
  return `${PEOPLE} people for ${OLD_LOAD_SECONDS} s, pauses of ${PAUSE_MS} ms: ${Math.round(seen.perSecond)} requests/s, mean ${mean} ms, p50 ${p50}, p95 ${p95}, p99 ${p99}, failed ${seen.failed}`
}

async function collect(ours: Server, seconds: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guardian-bench-'))
  const bodyFile = join(folder, 'events.json')
  const events = Array.from({ length: BATCH }, (_, n) => ({
    type: 'click',
    event_id: randomUUID(),
    event_ts: new Date().toISOString(),
    source: 'bench',
    session_id: `session-${n % 97}`,
    user_id: null,
    event_type: 'item_view',
    item_id: `item-${n}`,
    page: `/item/${n}`,
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
  }))
  writeFileSync(bodyFile, JSON.stringify(events))
  const post = { ...headers, 'content-type': 'application/json' }
  const settings = { connections: COLLECTOR_CONNECTIONS, seconds, headers: post, bodyFile, status: '2xx' as const }
  await load(`${ours.url}/events`, { ...settings, seconds: 2 })
  const loads: Load[] = []
  for (let round = 0; round < rounds; round++) loads.push(await load(`${ours.url}/events`, settings))
  line(`POST /events, ${BATCH} a request: events`, loads, BATCH)
  rmSync(folder, { recursive: true, force: true })
}

/** Prints a table, and the ratios that hold on any machine. */
export async function api(seconds: number, rounds: number): Promise<void> {
  const stage = await openStage()
  const servers: Server[] = []
  try {
    await fill(stage.databaseUrl)
    const ours = await start('api/main.js', apiEnv(stage), '/stats')
    servers.push(ours)
    const bare = await start('bench/api/bare-express.js', { ...stage.env, NODE_ENV: 'production' }, PATHS[0] ?? '/')
    servers.push(bare)
    console.log(`${CONNECTIONS} connections, ${seconds} s, median of ${rounds}; PostgreSQL pool of ${POOL_MAX} each`)
    console.log('| | per second | p50 ms | worst p99 ms | failed |\n|---|---|---|---|---|')
    const ratios = await compareReads(ours, bare, seconds, rounds)
    const old = { connections: 15, seconds: OLD_LOAD_SECONDS, headers, status: '2xx' as const }
    line('15 connections for 20 s on /anomalies?limit=5', [await load(`${ours.url}/anomalies?limit=5`, old)])
    const people = await askAsPeople(`${ours.url}/anomalies?limit=5`)
    await collect(ours, seconds, rounds)
    console.log(people)
    for (const ratio of ratios) console.log(ratio)
  } finally {
    for (const server of servers) await server.stop()
    await stage.stop()
  }
}
