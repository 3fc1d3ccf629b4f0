import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { LocalFault } from './local-fault.js'
import { ManagedProcess } from './managed-process.js'
import { postgresBinaries } from './postgres-binaries.js'
import { runCommand } from './run-command.js'
import { STOP_RANK, serverEnv, type RunningServer, type ServerContext } from './server-context.js'
import { isOpenToAll, unprivilegedUser, type SystemUser } from './system-user.js'

export interface PostgresOptions {
  readonly port: number
  readonly password: string
  /** Off only where losing the data does not matter. */
  readonly fsync: boolean
}

/** The owner of both databases. */
export const POSTGRES_USER = 'guardian'
const DATABASES = ['guardian', 'registry']

/** Starts PostgreSQL on 127.0.0.1, making its data directory and databases the first time. */
export async function startPostgres(context: ServerContext, options: PostgresOptions): Promise<RunningServer> {
  const user = unprivilegedUser()
  const home = postgresHome(context.dataDir, user)
  const cacheDir = reachableFolder(context.cacheDir, user)
  if (user !== undefined) for (const folder of [dirname(home), cacheDir]) makeReachable(folder)
  const bin = await postgresBinaries({ ...context, cacheDir })
  const server: Installation = { bin, home, user, data: join(home, 'data') }
  if (!existsSync(join(server.data, 'PG_VERSION'))) await createCluster(context, server, options.password)
  else await repairCluster(context, server, options.password)
  context.report('starting')
  const { fsync, port } = options
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  const started = new ManagedProcess(
    {
      name: 'postgres',
      command: join(bin, 'postgres'),
      args: ['-D', server.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: serverEnv(context.env),
      user,
      logFile: join(context.dataDir, 'logs', 'postgres.log'),
      stopSignal: 'SIGINT', // ends sessions and shuts down; SIGTERM would wait for the sessions
      stopBoundMs: 20_000,
      readyBoundMs: 120_000, // after a crash it first replays its log
      rank: STOP_RANK.postgres,
      isReady: ({ pid }) => isAccepting(server.data, pid),
    },
    context.keeper,
  )
  await started.start(context.signal)
  const url = `postgres://${POSTGRES_USER}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/guardian`
  return { url, processes: [started] }
}

/** Where PostgreSQL's data lies: with the rest, or where its user can reach it. */
export function postgresHome(dataDir: string, user = unprivilegedUser()): string {
  return join(reachableFolder(dataDir, user), 'postgres')
}

/** The folder itself; or, when PostgreSQL's user cannot pass the folders above it, one with a name of its own elsewhere. */
export function reachableFolder(folder: string, user: SystemUser | undefined): string {
  if (user === undefined || isOpenToAll(resolve(folder))) return folder
  const hash = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12)
  return join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), `clickstream-guardian-${hash}`)
}

/** Makes a folder that all users can pass. @throws LocalFault when somebody else has made it */
function makeReachable(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new LocalFault(`${folder} is needed for PostgreSQL, and belongs to somebody else`, 'remove it')
  }
  if ((found.mode & 0o111) !== 0o111) chmodSync(folder, found.mode | 0o111)
}

interface Installation {
  readonly bin: string
  readonly home: string
  readonly data: string
  readonly user: SystemUser | undefined
}

/** Makes the data directory under another name, and gives it its name when it is complete. */
async function createCluster(context: ServerContext, server: Installation, password: string): Promise<void> {
  const { bin, home, user } = server
  if (existsSync(server.data) && readdirSync(server.data).length > 0) {
    throw new LocalFault(
      `${server.data} is not empty and not a PostgreSQL data directory`,
      'move it away, or delete all data of this stack with npm run reset',
    )
  }
  context.report('creating the data directory')
  ownFolder(home, user)
  const draft = join(home, 'data.new')
  const passwordFile = join(home, 'password')
  rmSync(draft, { recursive: true, force: true })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid)
  const initdb = [
    '-D',
    draft,
    '-U',
    POSTGRES_USER,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--no-locale',
    '--encoding=UTF8',
    '--no-instructions',
    '--no-sync',
  ]
  try {
    await runCommand({
      command: join(bin, 'initdb'),
      args: initdb,
      env: serverEnv(context.env),
      user,
      signal: context.signal,
      keeper: context.keeper,
    })
    await alone(context, { ...server, data: draft }, DATABASES.map((name) => `CREATE DATABASE ${name};`).join('\n'))
  } finally {
    rmSync(passwordFile, { force: true })
  }
  rememberPassword(server, password)
  renameSync(draft, server.data)
}

/** What an earlier run may have left: the pid file of a server that was killed, or another password than `.env` has now. */
async function repairCluster(context: ServerContext, server: Installation, password: string): Promise<void> {
  if (readPassword(server) === fingerprint(password)) return
  context.report('setting the password of .env')
  await alone(context, server, `ALTER ROLE ${POSTGRES_USER} PASSWORD '${password.replaceAll("'", "''")}';`)
  rememberPassword(server, password)
}

/** Runs statements with nobody else connected: no port is open and no password is asked. */
async function alone(context: ServerContext, server: Installation, statements: string): Promise<void> {
  await runCommand({
    command: join(server.bin, 'postgres'),
    args: ['--single', '-D', server.data, '-c', 'log_checkpoints=off', 'postgres'],
    env: serverEnv(context.env),
    user: server.user,
    input: `${statements}\n`,
    signal: context.signal,
    keeper: context.keeper,
  })
}

const fingerprint = (password: string): string => createHash('sha256').update(password).digest('hex')
const passwordRecord = (server: Installation): string => join(server.home, 'password.sha256')

function rememberPassword(server: Installation, password: string): void {
  writeFileSync(passwordRecord(server), fingerprint(password), { mode: 0o600 })
}

function readPassword(server: Installation): string | undefined {
  return existsSync(passwordRecord(server)) ? readFileSync(passwordRecord(server), 'utf8') : undefined
}

function ownFolder(folder: string, user: SystemUser | undefined): void {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o711 })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (user !== undefined) chownSync(folder, user.uid, user.gid)
}

/** PostgreSQL writes into its pid file, on line 8, when it takes connections. */
function isAccepting(data: string, pid: number): boolean {
  const path = join(data, 'postmaster.pid')
  if (!existsSync(path)) return false
  const lines = readFileSync(path, 'utf8').split('\n')
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}
