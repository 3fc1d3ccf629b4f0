import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Env } from '../../platform/env.js'
import { messageOf } from '../../platform/message-of.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'

export interface Java {
  readonly command: string
  /** As `java -version` names it, such as 17.0.15. */
  readonly version: string
}

const OLDEST = 17
const REMEDY = `install Java ${OLDEST} or later (Debian: apt install openjdk-17-jre-headless, macOS: brew install openjdk@17) or point JAVA_HOME to it`

const found = new WeakMap<Env, Promise<Java>>()

/** Finds Java, in JAVA_HOME or on the PATH. @throws LocalFault when it is missing or too old */
export function findJava(env: Env): Promise<Java> {
  const java = found.get(env) ?? askJava(env)
  found.set(env, java)
  return java
}

async function askJava(env: Env): Promise<Java> {
  const fromHome = env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : undefined
  const command = fromHome !== undefined && existsSync(fromHome) ? fromHome : 'java'
  let said: string
  try {
    const { stdout, stderr } = await runCommand({ command, args: ['-version'], env, boundMs: 20_000 })
    said = stdout + stderr
  } catch (cause) {
    throw new LocalFault(`Java is not found (${messageOf(cause).slice(0, 200)})`, REMEDY, { cause })
  }
  const version = parseJavaVersion(said)
  if (version === undefined) throw new LocalFault(`${command} -version says no version: ${said.slice(0, 200)}`, REMEDY)
  if (Number.parseInt(version, 10) < OLDEST)
    throw new LocalFault(`${command} is Java ${version}, which is too old`, REMEDY)
  return { command, version }
}

/** Reads the version out of what `java -version` says: `17.0.15`, `21`; Java 8's `1.8.0_402` stays as it is. */
export const parseJavaVersion = (said: string): string | undefined => /version "([\d._]+)/.exec(said)?.[1]
