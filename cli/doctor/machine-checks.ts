import { join } from 'node:path'
import { TEMPORAL_ITEM } from '../../deploy/local/fetch-temporal.js'
import { findJava } from '../../deploy/local/java.js'
import { LocalFault } from '../../deploy/local/local-fault.js'
import { mavenArtifact } from '../../deploy/local/maven-files.js'
import { freeMegabytes, LEAST_FREE_MB } from '../../deploy/local/preflight.js'
import { cacheDirOf, isWhole } from '../../deploy/local/server-cache.js'
import { dataDirOf } from '../../deploy/local/stack-settings.js'
import { unprivilegedUser } from '../../deploy/local/system-user.js'
import type { Env } from '../../platform/env.js'
import { errorLine } from '../cli-error.js'
import { ok, type Check } from './check.js'

/** What this machine has of what the local stack needs. Changes nothing and fetches nothing. */
export async function checkMachine(env: Env): Promise<Check[]> {
  const cacheDir = cacheDirOf(env)
  const fetched = (name: string, item: string): Check =>
    isWhole(join(cacheDir, item))
      ? ok(name, join(cacheDir, item))
      : { name, state: 'later', found: `not in ${cacheDir} yet`, remedy: 'npm start fetches it, once' }
  return [
    ok('Node.js', process.version),
    await checkJava(env),
    ...(await Promise.all([checkDisk('disk for data', dataDirOf(env)), checkDisk('disk for servers', cacheDir)])),
    checkUser(),
    fetched('Kafka files', `kafka-${mavenArtifact('kafka').version}`),
    fetched('registry files', `apicurio-registry-${mavenArtifact('registry').version}`),
    fetched('Temporal files', TEMPORAL_ITEM),
  ]
}

async function checkJava(env: Env): Promise<Check> {
  try {
    const { command, version } = await findJava(env)
    return ok('Java', `${version} (${command})`)
  } catch (error) {
    const remedy = error instanceof LocalFault ? error.remedy : 'install Java 17 or later'
    return { name: 'Java', state: 'missing', found: errorLine(error), remedy }
  }
}

async function checkDisk(name: string, folder: string): Promise<Check> {
  const freeMb = await freeMegabytes(folder)
  const found = `${freeMb} MB free in ${folder}`
  if (freeMb >= LEAST_FREE_MB) return ok(name, found)
  const remedy = `free ${LEAST_FREE_MB} MB, or choose folders with GUARDIAN_DATA_DIR and GUARDIAN_CACHE_DIR`
  return { name, state: 'missing', found, remedy }
}

/** PostgreSQL refuses to run as root. */
function checkUser(): Check {
  const name = 'system user'
  if (process.getuid?.() !== 0) return ok(name, 'not root')
  const user = unprivilegedUser()
  if (user) return ok(name, `root, with ${user.name} for PostgreSQL`)
  return {
    name,
    state: 'missing',
    found: 'root, and no other user for PostgreSQL',
    remedy: 'add a user, or do not run as root',
  }
}
