import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'dotenv'
import { packageRoot } from './package-root.js'

export type Env = Readonly<Record<string, string | undefined>>

/**
 * The environment of this process, read once at its start. What the shell gives comes first, then `.env` in the
 * package's root (secrets and settings), then the addresses that a running local stack has written down.
 */
export function readEnv(): Env {
  const dataDir = process.env['GUARDIAN_DATA_DIR'] ?? join(packageRoot, '.guardian')
  return { ...envFile(join(dataDir, 'stack.env')), ...envFile(join(packageRoot, '.env')), ...process.env }
}

const envFile = (path: string): Record<string, string> => (existsSync(path) ? parse(readFileSync(path)) : {})
