import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { parse } from 'dotenv'
import { isGiven } from '../../platform/variable-text.js'

const password = (): string => randomBytes(24).toString('base64url')

/** The secrets that the first start makes up; who has set one already keeps it. */
const SECRETS: Readonly<Record<string, () => string>> = {
  POSTGRES_PASSWORD: password,
  POSTGRES_DETECTOR_PASSWORD: password,
  POSTGRES_ARCHIVER_PASSWORD: password,
  POSTGRES_ORCHESTRATOR_PASSWORD: password,
  POSTGRES_API_PASSWORD: password,
  GUARDIAN_ADMIN_KEY: () => `gdn_${randomBytes(32).toString('base64url')}`,
}

const HEADER = `# Made by the first npm start. Secrets of this clone's local stack: never commit or share this file.
# What else can be set here is explained in .env.example.
`

/**
 * Adds the secrets that `.env` lacks, making the file if need be, and closes it to other users (mode 600).
 * @returns the names of what was made up
 */
export function completeEnvFile(path: string): string[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : HEADER
  const found = parse(text)
  const missing = Object.entries(SECRETS).filter(([name]) => !isGiven(name, found))
  if (missing.length > 0) {
    const lines = missing.map(([name, create]) => `${name}=${create()}\n`).join('')
    const draft = `${path}.${process.pid}.new`
    writeFileSync(draft, `${text.replace(/([^\n])$/, '$1\n')}${lines}`, { mode: 0o600 })
    renameSync(draft, path)
  }
  if (!isPrivate(path)) chmodSync(path, 0o600)
  return missing.map(([name]) => name)
}

/** Whether nobody but its owner can read or write a file. */
export const isPrivate = (path: string): boolean => (statSync(path).mode & 0o077) === 0
