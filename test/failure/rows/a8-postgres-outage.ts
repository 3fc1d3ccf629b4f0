import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { waitUntil } from '../../support/child-process.js'
import { testStack, type TestStack } from '../../support/stack.js'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js'
import type { Row } from '../row.js'
import { faultOffsets, slowGroup } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

/** Short, so that a network that answers nothing is noticed within the outage. */
const TIMEOUTS = { PG_STATEMENT_TIMEOUT_MS: '2000', PG_CONNECT_TIMEOUT_MS: '1000' }
const DRAIN_MS = 120_000
/** What a partition may decide beyond its checkpoint, as little as can be set: then it is held, however long PostgreSQL is away. */
const UNCOMMITTED = 1_000
/** A look whether it is held comes after so many records, at most. */
const PER_TURN = 1_000

interface Outage {
  readonly name: string
  readonly begin: () => void
  readonly end: () => Promise<void> | void
}

/** PostgreSQL's own process and those of its connections. */
function processesOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return [pid, ...children.filter((text) => text !== '').map(Number)]
}

function outages({ postgres, registry }: TestStack, proxy: TcpProxy): Outage[] {
  if (!postgres || !registry) throw new Error('the stack has no PostgreSQL or no registry')
  const signalAll = (signal: NodeJS.Signals) => {
    const { pid } = postgres
    if (pid === undefined) throw new Error('PostgreSQL does not run')
    for (const each of processesOf(pid)) process.kill(each, signal)
  }
  return [
    {
      name: 'stop -m immediate',
      begin: () => postgres.kill('SIGQUIT'),
      end: async () => {
        await postgres.restart()
        registry.kill('SIGKILL') // it keeps its schemas there, and is slow to notice that its connections are gone
        await registry.restart()
      },
    },
    {
      name: 'SIGSTOP',
      begin: () => signalAll('SIGSTOP'),
      end: () => {
        signalAll('SIGCONT')
      },
    },
    { name: 'black hole', begin: proxy.blackHole, end: proxy.heal },
  ]
}

export const row: Row = {
  id: 'A8',
  fault:
    'PostgreSQL stopped (`-m immediate`), frozen (`SIGSTOP`) or swallowed by the network in the middle of the work',
  invariant:
    'the detector stays up, holds its partitions before much waits in memory, goes on by itself afterwards, and the result is as without',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const [rounds, outageMs] = quick ? [1, 2_500] : [5, 20_000]
    const servers = await testStack('postgres', 'kafka', 'registry')
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 60_000, seed)
    const proxy = await startTcpProxy(new URL(servers.databaseUrl))
    try {
      const differences: string[] = []
      const [drains, beyond]: [number[], number[]] = [[], []]
      let [held, tried] = [0, 0]
      const [metricsPort = 0] = await findFreePorts(1)
      const mostBeyond = [...log.ends.values()].reduce((sum, end) => sum + Math.min(UNCOMMITTED + PER_TURN, end), 0)
      const limits = { MAX_UNCOMMITTED_RECORDS: String(UNCOMMITTED), DETECTOR_METRICS_PORT: String(metricsPort) }
      for (let round = 1; round <= rounds; round++)
        for (const outage of outages(servers, proxy)) {
          tried++
          await log.stage.freshDatabase()
          const [offset = 0] = faultOffsets(new SeededRandom(seed, tried), 1, log.records * 0.7)
          const databaseUrl = proxy.urlOf(log.stage.env['DATABASE_URL'] ?? '')
          const detector = log.stage.startDetector({
            ...{ ...slowGroup(), ...TIMEOUTS, ...limits },
            DATABASE_URL: databaseUrl,
          })
          await log.passes(offset, [detector])
          const before = await log.stage.processed()
          outage.begin()
          await sleep(outageMs)
          const uncommitted = (await decidedSince(metricsPort)) - before
          await outage.end()
          const drainMs = await drained(log, detector)
          drains.push(drainMs)
          beyond.push(uncommitted)
          say(
            `${outage.name} at ${before}: ${uncommitted} decided meanwhile, drained ${(drainMs / 1_000).toFixed(1)} s after its end`,
          )
          await detector.stop()
          const found = await log.differences()
          if (uncommitted > mostBeyond) found.push(`${uncommitted} decided without a checkpoint`)
          if (before >= log.records) found.push('the outage came when there was no work left')
          if (found.length === 0) held++
          differences.push(...found.map((line) => `${outage.name}, round ${round}: ${line}`))
        }
      return {
        held: held === tried,
        figure: `${held}/${tried} outages: the process stayed up, at most ${Math.max(...beyond)} records decided beyond the checkpoints, drained in at most ${(Math.max(...drains) / 1_000).toFixed(1)} s, ${differences.length} differences`,
        configuration: { records: log.records, outageMs, kinds: 3, ...TIMEOUTS, MAX_UNCOMMITTED_RECORDS: UNCOMMITTED },
        differences,
      }
    } finally {
      await proxy.close()
      await log.close()
    }
  },
}

/** How many records the detector has given a fate since it was started, by its metrics. */
async function decidedSince(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const series = [...text.matchAll(/^guardian_records_total\{.*\} (\d+)$/gm)]
  return series.reduce((sum, [, value]) => sum + Number(value), 0)
}

/** @returns how long it took from now until a checkpoint has passed the last record */
async function drained(log: VerifiedLog, detector: { isRunning: boolean; output: string }): Promise<number> {
  const startedAt = performance.now()
  await waitUntil(
    () => detector.output,
    DRAIN_MS,
    async () => {
      if (!detector.isRunning) throw new Error(`the detector has ended by itself:\n${detector.output}`)
      return (await log.stage.processed().catch(() => 0)) >= log.records // the database is only just coming back
    },
  )
  return performance.now() - startedAt
}
