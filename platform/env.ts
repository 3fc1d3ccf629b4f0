import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { packageRoot } from './package-root.js'
import { FILE_VARIABLES, protectEnv } from './variable-text.js'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * The environment of this process, read once at its start. What the shell gives comes first, then `.env` in the
 * package's root (secrets and settings), then the addresses that a running local stack has written down. Every secret in
 * it is censored in what this process writes from then on.
 */
export function readEnv(): Env {
  const dataDir = process.env['GUARDIAN_DATA_DIR'] ?? join(packageRoot, '.guardian')
  const env = [envFile(join(packageRoot, '.env')), process.env].reduce(overlay, envFile(join(dataDir, 'stack.env')))
  protectEnv(env)
  return env
}

/** What is set above takes the place of what is below, also where one is set by itself and the other by its file. */
export function overlay(below: Env, above: Env): Env {
  const hidden = [...FILE_VARIABLES].flatMap((name) => {
    const isAbove = above[name] !== undefined || above[`${name}_FILE`] !== undefined
    return isAbove ? [name, `${name}_FILE`] : []
  })
  return { ...Object.fromEntries(Object.entries(below).filter(([name]) => !hidden.includes(name))), ...above }
}

const envFile = (path: string): Record<string, string> => (existsSync(path) ? parse(readFileSync(path)) : {})
