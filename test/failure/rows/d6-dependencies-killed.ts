import { setTimeout as sleep } from 'node:timers/promises'
import { asAdmin, withKey } from '../../support/api-keys.js'
import { waitUntil } from '../../support/child-process.js'
import { DetectionStage } from '../../support/detection-stage.js'
import { testStack, type TestStack } from '../../support/stack.js'
import {
  ask,
  byStatus,
  HANGS_MS,
  OfferedLoad,
  quantile,
  statusText,
  type Asked,
  type Seen,
} from '../http/offered-load.js'
import { startProductApi, type ProductApi } from '../http/product-api.js'
import type { Row, RowSettings } from '../row.js'

const PER_SECOND = 100
const DEAR_PER_SECOND = 2
/** How long a dependency that is back may take until its circuit has closed. */
const RECOVERY_MS = 60_000
const OPENS_WITHIN_MS = 30_000
/**
 * While a circuit is open, an answer that needs it is to come within that at p99, or within twice what `/livez` takes at the
 * same time: it does nothing, and what holds it up is other work on the machine.
 */
const ANSWER_MS = 50
const SETTINGS = {
  BREAKER_PAUSE_MS: '3000',
  API_QUERY_TIMEOUT_MS: '2000',
  PG_CONNECT_TIMEOUT_MS: '1000',
  KAFKA_REQUEST_TIMEOUT_MS: '2000',
  API_COLLECTOR_DEADLINE_MS: '2000',
  SCHEMA_REGISTRY_TIMEOUT_MS: '1000',
}
const NAMES = ['postgres', 'kafka', 'temporal', 'registry'] as const
type Name = (typeof NAMES)[number]

interface Killed {
  /** A request that is answered with the dependency, and what it is answered without it. */
  readonly asked: Asked
  readonly without: number
  /** Another one that cannot be answered without it, asked now and then: it costs more. */
  readonly dear?: Asked
  readonly kill: () => void
  readonly restart: () => Promise<void>
}

const CLICK = JSON.stringify({ type: 'click', session_id: 's', event_type: 'page_view', page: '/' })

function killsOf({ postgres, brokers, temporal, registry }: TestStack, url: string): Readonly<Record<Name, Killed>> {
  const [kafka] = brokers
  if (!postgres || !kafka || !temporal || !registry) throw new Error('the stack is not whole')
  const get = (path: string): Asked => ({ url: `${url}${path}`, headers: asAdmin })
  const json = { ...asAdmin, 'content-type': 'application/json' }
  return {
    postgres: {
      asked: get('/anomalies?limit=5'),
      without: 503,
      kill: () => postgres.kill('SIGQUIT'), // the server and all of its processes end at once, without a checkpoint
      restart: async () => {
        await postgres.restart()
        registry.kill('SIGKILL') // it keeps its schemas there, and is slow to notice that its connections are gone
        await registry.restart()
      },
    },
    kafka: {
      asked: { url: `${url}/events`, method: 'POST', headers: json, body: CLICK },
      without: 503,
      dear: get('/sessions/s/events?of=clicks&limit=5'),
      kill: () => kafka.kill('SIGKILL'),
      restart: () => kafka.restart(),
    },
    temporal: {
      asked: get('/schedules'),
      without: 503,
      kill: () => temporal.kill('SIGKILL'),
      restart: () => temporal.restart(),
    },
    // The collector learns its schema ids once: what asks the registry again and again is the readiness probe, which it is not needed for.
    registry: {
      asked: get('/readyz'),
      without: 200,
      kill: () => registry.kill('SIGKILL'),
      restart: () => registry.restart(),
    },
  }
}

const transitions = (api: ProductApi, dependency: string, to: string) =>
  api.metric('guardian_circuit_transitions_total', { dependency, to })

const all = (seen: readonly Seen[], status: number): boolean =>
  seen.length > 0 && (byStatus(seen).get(status) ?? 0) === seen.length

/** One dependency killed and started again under load. @returns what did not hold, and the figure */
async function trial(api: ProductApi, name: Name, killed: Killed, outageMs: number) {
  const found: string[] = []
  const must = (holds: boolean, what: string) => {
    if (!holds) found.push(`${name}: ${what}`)
  }
  const before = Object.fromEntries(
    await Promise.all(
      ['open', 'half_open', 'closed'].map(async (to) => [to, await transitions(api, name, to)] as const),
    ),
  )
  const load = new OfferedLoad(killed.asked, PER_SECOND)
  const alive = new OfferedLoad({ url: `${api.url}/livez` }, PER_SECOND)
  // The first event has the collector connect.
  await waitUntil(
    () => `answers of ${name}`,
    OPENS_WITHIN_MS,
    () => Promise.resolve(load.seen.length >= PER_SECOND),
  )
  const dear = killed.dear && new OfferedLoad(killed.dear, DEAR_PER_SECOND)
  must(all(load.since(0), 200), `before it is killed: ${statusText(load.since(0))}`)
  killed.kill()
  const moved = async (to: string) => (await transitions(api, name, to)) > (before[to] ?? 0)
  await waitUntil(
    () => `the circuit to ${name} opens`,
    OPENS_WITHIN_MS,
    () => moved('open'),
  )
  const openAt = performance.now()
  await sleep(outageMs)
  const [whileOpen, beside] = [[...load.since(openAt), ...(dear?.since(openAt) ?? [])], alive.since(openAt)]
  // Nobody is let in while the database cannot say who it is, with a key that is not known and with one that was.
  if (name === 'postgres')
    for (const headers of [withKey(`gdn_${'x'.repeat(43)}`), asAdmin]) {
      const { status } = await ask({ url: `${api.url}/anomalies?limit=1`, headers })
      must(status === 503, `a caller is answered ${status} while PostgreSQL is away`)
    }
  await killed.restart()
  await waitUntil(
    () => `the circuit to ${name} closes again`,
    RECOVERY_MS,
    async () => (await moved('half_open')) && moved('closed'),
    200,
  )
  await waitUntil(
    () => `${name} is asked again`,
    RECOVERY_MS,
    async () => (await ask(killed.asked)).status === 200,
    200,
  )
  const [seen, livez] = [[...(await load.stop()), ...((await dear?.stop()) ?? [])], await alive.stop()]
  const p99 = quantile(whileOpen, 0.99)
  must(all(whileOpen, killed.without), `while open: ${statusText(whileOpen)}`)
  must(
    whileOpen.every(({ status, retryAfter }) => status !== 503 || Number(retryAfter) >= 1),
    '503 without Retry-After',
  )
  const besideP99 = quantile(beside, 0.99)
  must(p99 < Math.max(ANSWER_MS, 2 * besideP99), `while open the answers take ${p99.toFixed(1)} ms at p99`)
  must(
    seen.every(({ status }) => status === 200 || status === 503),
    `statuses: ${statusText(seen)}`,
  )
  must(all(livez, 200), `/livez: ${statusText(livez)}`)
  const longest = Math.max(...seen.map(({ ms }) => ms))
  must(longest < HANGS_MS / 2, `the longest answer took ${longest.toFixed(0)} ms`)
  must(api.process.isRunning, `the API has ended:\n${api.process.output}`)
  return { found, p99, besideP99, longest, answers: whileOpen.length }
}

async function run({ quick, say }: RowSettings) {
  const outageMs = quick ? 2_000 : 15_000
  const servers = await testStack()
  const stage = await DetectionStage.open(servers)
  const differences: string[] = []
  const figures: string[] = []
  try {
    const api = await startProductApi({ ...stage.env, ...SETTINGS, TEMPORAL_ADDRESS: servers.temporalAddress })
    try {
      for (const name of NAMES) {
        const { found, p99, besideP99, longest, answers } = await trial(
          api,
          name,
          killsOf(servers, api.url)[name],
          outageMs,
        )
        differences.push(...found)
        figures.push(`${name} ${p99.toFixed(1)} ms (/livez ${besideP99.toFixed(1)})`)
        say(
          `${name}: ${answers} answers while open, p99 ${p99.toFixed(1)} ms, longest ${longest.toFixed(0)} ms, ${found.length} findings`,
        )
      }
    } finally {
      await api.stop()
    }
  } finally {
    await stage.close()
  }
  return {
    held: differences.length === 0,
    figure: `${NAMES.length} circuits closed → open → half-open → closed; p99 while open: ${figures.join(', ')}`,
    configuration: { 'requests/s': PER_SECOND, outageMs, ...SETTINGS },
    differences,
  }
}

export const row: Row = {
  id: 'D6',
  fault: 'PostgreSQL, Kafka, Temporal and the registry are killed in turn under load, and started again',
  invariant:
    'the circuit opens, half-opens and closes again, by its metrics; while it is open answers come within 50 ms at p99, 503 with Retry-After where it is needed; nobody is let in without PostgreSQL; /livez stays green; nothing hangs',
  quick: true,
  run,
}
