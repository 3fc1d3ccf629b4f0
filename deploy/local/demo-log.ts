import { accessSync, constants, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Env } from '../../platform/env.js'
import { messageOf } from '../../platform/message-of.js'
import { packageRoot } from '../../platform/package-root.js'
import { showNewest, type FeedOptions } from './anomaly-feed.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import type { Keeper } from './start-keeper.js'

export interface DemoLogOptions extends Omit<FeedOptions, 'since'> {
  readonly file: string
  /** With the addresses of the servers. */
  readonly env: Env
  readonly keeper: Keeper
}

/** A day: longer than any log that fits a laptop takes. */
const BOUND_MS = 86_400_000

/**
 * The path of the log, which is relative to where npm was called.
 * @throws LocalFault when it cannot be read: better before the first server is started than after the last
 */
export function demoLogPath(file: string, env: Env): string {
  const path = resolve(env['INIT_CWD'] ?? process.cwd(), file)
  try {
    accessSync(path, constants.R_OK)
    if (statSync(path).isDirectory()) throw new Error('it is a directory')
  } catch (cause) {
    throw new LocalFault(`--demo-log ${file}: ${messageOf(cause)}`, 'give the path of an access log', { cause })
  }
  return path
}

/** Reads the log into a topic of its own and prints what came of it. A log that cannot be read does not end the stack. */
export async function readDemoLog({ file, env, keeper, say, ...feed }: DemoLogOptions): Promise<void> {
  const { signal } = feed
  say(`reading ${file} into a topic of its own`)
  const args = [join(packageRoot, 'dist/cli/main.js'), 'ingest', '--fresh', file]
  try {
    const { stdout } = await runCommand({ command: process.execPath, args, env, keeper, signal, boundMs: BOUND_MS })
    for (const line of stdout.trimEnd().split('\n')) say(`  ${line}`)
    const topic = /topic=(\S+)/.exec(stdout)?.[1]
    if (topic !== undefined) await showNewest({ ...feed, say }, topic)
  } catch (error) {
    if (!signal.aborted) say(`the log was not read to its end: ${messageOf(error)}`)
  }
}
