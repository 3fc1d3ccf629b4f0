import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Env } from '../../platform/env.js'
import { packageRoot } from '../../platform/package-root.js'
import { isPrivate } from './env-file.js'
import { TEMPORAL_ITEM, TEMPORAL_VERSION, temporalVersion } from './fetch-temporal.js'
import { findJava } from './java.js'
import { brokersOf } from './kafka-server.js'
import { LocalFault } from './local-fault.js'
import { lockHolder } from './lock-file.js'
import { mavenArtifact } from './maven-files.js'
import { isPortFree, ownerOfPort } from './ports.js'
import { postgresItem } from './postgres-binaries.js'
import { reachableFolder } from './postgres-server.js'
import { LEAST_FREE_MB, freeMegabytes } from './preflight.js'
import { runCommand } from './run-command.js'
import { cacheDirOf, isWhole } from './server-cache.js'
import { GIVEN_BY, dataDirOf, missingServers, planPorts, type StackPort } from './stack-settings.js'
import { unprivilegedUser } from './system-user.js'
import { stackLockFile } from './workspace.js'

/** What was found about one thing that the local stack needs. */
export interface Finding {
  /** What was looked at, such as "Java" or "port 8000". */
  readonly name: string
  /** `missing` is what the first start fetches or makes by itself, or what does not run now; a `problem` needs a person. */
  readonly status: 'ok' | 'missing' | 'problem'
  readonly detail: string
  /** What to do about it; empty when there is nothing to do. */
  readonly fix: string
}

const NODE_WANTED = [20, 19] as const

/**
 * Examines what the local stack needs on this machine, changing nothing. `guardian doctor` shows the list, and asks the
 * servers itself.
 */
export async function examineMachine(env: Env): Promise<Finding[]> {
  const dataDir = dataDirOf(env)
  const holder = lockHolder(stackLockFile(dataDir))
  const isRunning = holder !== undefined
  const [temporal, ...found] = await Promise.all([
    examineTemporal(env),
    examineJava(env),
    examineDisk('disk of the data', dataDir),
    examineDisk('disk of the cache', cacheDirOf(env)),
  ])
  const ports = isRunning ? [] : await examinePorts(env, dataDir)
  return [
    examineNode(),
    ...found.filter((one) => one !== undefined),
    ...temporal,
    ...examineCache(env),
    examineEnvFile(join(packageRoot, '.env')),
    examineStack(holder?.pid, dataDir),
    ...ports,
  ]
}

const finding = (name: string, status: Finding['status'], detail: string, fix = ''): Finding => ({
  name,
  status,
  detail,
  fix,
})

const examineStack = (pid: number | undefined, dataDir: string): Finding =>
  pid === undefined
    ? finding('stack', 'missing', `does not run; its data is in ${dataDir}`, 'npm start')
    : finding('stack', 'ok', `runs (process ${pid}), with its data in ${dataDir}`)

function examineNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNew = major > NODE_WANTED[0] || (major === NODE_WANTED[0] && minor >= NODE_WANTED[1])
  return finding(
    'Node',
    isNew ? 'ok' : 'problem',
    process.versions.node,
    isNew ? '' : `install Node ${NODE_WANTED.join('.')} or later`,
  )
}

async function examineJava(env: Env): Promise<Finding | undefined> {
  const missing = missingServers(env)
  if (!missing.includes('kafka') && !missing.includes('registry') && !isLocal(env)) return undefined
  try {
    const { version, command } = await findJava(env)
    return finding('Java', 'ok', `${version} (${command})`)
  } catch (error) {
    if (!(error instanceof LocalFault)) throw error
    return finding('Java', 'problem', error.message, error.remedy)
  }
}

/** Whether the addresses in the environment are those of a local stack, not somebody's choice. */
const isLocal = (env: Env): boolean => existsSync(join(dataDirOf(env), 'stack.env'))

function examineCache(env: Env): Finding[] {
  const cacheDir = cacheDirOf(env)
  const items = {
    Kafka: join(cacheDir, `kafka-${mavenArtifact('kafka').version}`),
    'Schema registry': join(cacheDir, `apicurio-registry-${mavenArtifact('registry').version}`),
    Temporal: join(cacheDir, TEMPORAL_ITEM),
  }
  const found = Object.entries(items).map(([name, folder]) =>
    isWhole(folder)
      ? finding(`${name} in the cache`, 'ok', folder)
      : finding(
          `${name} in the cache`,
          'missing',
          `${folder} is not there or not whole`,
          'the next npm start fetches it',
        ),
  )
  return [...found, examinePostgres(cacheDir)]
}

function examinePostgres(cacheDir: string): Finding {
  const name = 'PostgreSQL in the cache'
  try {
    const folder = join(reachableFolder(cacheDir, unprivilegedUser()), postgresItem().name)
    if (isWhole(folder)) return finding(name, 'ok', folder)
    return finding(
      name,
      'missing',
      `${folder} is not there or not whole`,
      'the next npm start copies it from node_modules',
    )
  } catch (error) {
    if (!(error instanceof LocalFault)) throw error
    return finding(name, 'problem', error.message, error.remedy)
  }
}

/** How Temporal comes here; an earlier version on the PATH is not used. */
async function examineTemporal(env: Env): Promise<Finding[]> {
  if (env[GIVEN_BY.temporal]) return []
  const onPath = await temporalVersion('temporal', { env })
  if (onPath === TEMPORAL_VERSION) return [finding('Temporal', 'ok', `${onPath} on the PATH`)]
  const unused =
    onPath === undefined
      ? []
      : [finding('Temporal', 'ok', `${onPath} on the PATH is not used: Guardian runs ${TEMPORAL_VERSION}`)]
  if (isWhole(join(cacheDirOf(env), TEMPORAL_ITEM))) return unused
  const [pip, go] = await Promise.all([
    versionOf('python3', ['-m', 'pip', '--version'], env),
    versionOf('go', ['version'], env),
  ])
  const spare = (name: string, found: string | undefined) =>
    found === undefined
      ? finding(
          name,
          'missing',
          'is not found; only needed if Temporal cannot be downloaded',
          `install ${name}, or put temporal ${TEMPORAL_VERSION} on the PATH`,
        )
      : finding(name, 'ok', found)
  return [...unused, spare('Python with pip', pip), ...(pip === undefined ? [spare('Go', go)] : [])]
}

async function versionOf(command: string, args: readonly string[], env: Env): Promise<string | undefined> {
  return runCommand({ command, args, env, boundMs: 10_000 }).then(
    ({ stdout }) => stdout.trim(),
    () => undefined, // it is not there, which is the answer
  )
}

async function examineDisk(name: string, folder: string): Promise<Finding> {
  const freeMb = await freeMegabytes(folder)
  const detail = `${freeMb} MB are free for ${folder}`
  if (freeMb >= LEAST_FREE_MB) return finding(name, 'ok', detail)
  return finding(name, 'problem', detail, `free some space: at least ${LEAST_FREE_MB} MB are needed`)
}

function examineEnvFile(path: string): Finding {
  if (!existsSync(path)) return finding('.env', 'missing', `${path} is not there`, 'the first npm start makes it')
  if (isPrivate(path)) return finding('.env', 'ok', 'only its owner can read it')
  return finding('.env', 'problem', 'other users of this machine can read its secrets', `chmod 600 ${path}`)
}

async function examinePorts(env: Env, dataDir: string): Promise<Finding[]> {
  try {
    const { list } = planPorts(env, brokersOf(dataDir) ?? 1, missingServers(env))
    return await Promise.all(list.map(examinePort))
  } catch (error) {
    if (!(error instanceof LocalFault)) throw error
    return [finding('ports', 'problem', error.message, error.remedy)]
  }
}

async function examinePort({ port, usedBy, variable }: StackPort): Promise<Finding> {
  if (await isPortFree(port)) return finding(`port ${port}`, 'ok', `free for ${usedBy}`)
  const owner = ownerOfPort(port) ?? 'another process'
  const fix = `end that, or set ${variable} to another port`
  return finding(`port ${port}`, 'problem', `for ${usedBy}, but taken by ${owner}`, fix)
}
