import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { TEMPORAL_VERSION, fetchTemporal } from './fetch-temporal.js'
import { ManagedProcess } from './managed-process.js'
import { answers } from './registry-server.js'
import { STOP_RANK, serverEnv, type RunningServer, type ServerContext } from './server-context.js'

/** Known from the start: one that the orchestrator adds is not seen by every part of the server at once. */
const SEARCH_ATTRIBUTES = ['GuardianDay', 'GuardianTrigger']

export interface TemporalOptions {
  readonly port: number
  readonly httpPort: number
  /** Without it there is no Web UI. */
  readonly uiPort: number | undefined
}

/** Starts Temporal's development server on 127.0.0.1, with its data in a file. */
export async function startTemporal(context: ServerContext, options: TemporalOptions): Promise<RunningServer> {
  const { command, unusedVersion } = await fetchTemporal(context)
  const home = join(context.dataDir, 'temporal')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  context.report('starting')
  const database = `temporal-${TEMPORAL_VERSION}.db` // a server cannot read the tables of an earlier version
  const older = readdirSync(home).filter((name) => name.endsWith('.db') && name !== database)
  const { port, httpPort, uiPort } = options
  const ui = uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]
  const temporal = new ManagedProcess(
    {
      name: 'temporal',
      command,
      args: [
        'server',
        'start-dev',
        '--db-filename',
        join(home, database),
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--http-port',
        String(httpPort),
        ...ui,
        ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
        '--log-level',
        'warn',
      ],
      env: serverEnv(context.env),
      logFile: join(context.dataDir, 'logs', 'temporal.log'),
      stopSignal: 'SIGTERM',
      stopBoundMs: 10_000,
      readyBoundMs: 60_000,
      rank: STOP_RANK.server,
      isReady: () => answers(`http://127.0.0.1:${httpPort}/api/v1/namespaces/default`),
    },
    context.keeper,
  )
  await temporal.start(context.signal)
  return {
    url: `127.0.0.1:${port}`,
    processes: [temporal],
    notes: [
      ...(unusedVersion === undefined
        ? []
        : [`temporal ${unusedVersion} on the PATH is not used: Guardian runs ${TEMPORAL_VERSION}`]),
      ...older.map(
        (name) => `the runs of an earlier version of Temporal are kept in ${join(home, name)}, and not shown`,
      ),
    ],
  }
}
