import { existsSync } from 'node:fs'
import type { Env } from '../../platform/env.js'
import { lockHolder } from './lock-file.js'
import { stackEnvFile } from './stack-env.js'
import { dataDirOf } from './stack-settings.js'
import { stackLockFile } from './workspace.js'

/**
 * What the local stack of a data directory does: `killed` when it left its addresses behind, `starting` until it has
 * written them.
 */
export type StackState =
  { readonly status: 'stopped' | 'killed' } | { readonly status: 'starting' | 'running'; readonly pid: number }

/** The state of the local stack that this environment belongs to. Changes nothing. */
export function stackState(env: Env): StackState {
  const dataDir = dataDirOf(env)
  const holder = lockHolder(stackLockFile(dataDir))
  const hasAddresses = existsSync(stackEnvFile(dataDir))
  if (holder === undefined) return { status: hasAddresses ? 'killed' : 'stopped' }
  return { status: hasAddresses ? 'running' : 'starting', pid: holder.pid }
}
