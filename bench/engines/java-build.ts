import { createHash } from 'node:crypto'
import { cpSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { findJava, type Java } from '../../deploy/local/java.js'
import { LocalFault } from '../../deploy/local/local-fault.js'
import { runCommand } from '../../deploy/local/run-command.js'
import { cacheDirOf, cachedItem } from '../../deploy/local/server-cache.js'
import { messageOf } from '../../platform/message-of.js'
import { packageRoot } from '../../platform/package-root.js'

const SOURCES = join(packageRoot, 'bench', 'engines', 'java')
/** The first time, Maven fetches some 500 MB. */
const BUILD_BOUND_MS = 900_000

const MAVEN_REMEDY = 'install Maven 3.6 or later (Debian: apt install maven, macOS: brew install maven)'
const NETWORK_REMEDY = 'check the network; where Maven Central cannot be reached, name a mirror in ~/.m2/settings.xml'
const JDK_REMEDY =
  'install a JDK, 17 or later (Debian: apt install openjdk-17-jdk-headless, macOS: brew install openjdk@17), and point JAVA_HOME to it'

export interface JavaEngines {
  readonly java: Java
  /** The jars of each module are in `<folder>/<module>/target`. */
  readonly folder: string
}

/**
 * Builds the Java engines with Maven in the cache folder, once for each state of their sources.
 * @throws LocalFault when Java or Maven is missing, or the build fails
 */
export async function buildJavaEngines(report: (text: string) => void): Promise<JavaEngines> {
  const { env } = process
  const java = await findJava(env)
  const context = { cacheDir: cacheDirOf(env), env, report }
  const folder = await cachedItem(context, `bench-engines-${hashOf(SOURCES)}`, async (place) => {
    await findMaven()
    report('building Flink, Kafka Streams and Spark programs with Maven (the first time it fetches some 500 MB)')
    cpSync(SOURCES, place, { recursive: true })
    await runMaven(['-q', '-B', '-f', join(place, 'pom.xml'), 'package'], BUILD_BOUND_MS)
  })
  return { java, folder }
}

async function findMaven(): Promise<void> {
  try {
    await runCommand({ command: 'mvn', args: ['-version'], env: process.env, boundMs: 20_000 })
  } catch (cause) {
    throw new LocalFault(`Maven is not found (${messageOf(cause).slice(0, 200)})`, MAVEN_REMEDY, { cause })
  }
}

async function runMaven(args: readonly string[], boundMs: number): Promise<void> {
  try {
    await runCommand({ command: 'mvn', args, env: process.env, boundMs })
  } catch (cause) {
    const said = messageOf(cause)
    const isJre = /No compiler is provided|release version 17 not supported/.test(said)
    throw new LocalFault(`the Java engines cannot be built: ${said}`, isJre ? JDK_REMEDY : NETWORK_REMEDY, { cause })
  }
}

/** Names a state of the sources. */
function hashOf(folder: string): string {
  const hash = createHash('sha256')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  for (const file of files) hash.update(relative(folder, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex').slice(0, 16)
}
