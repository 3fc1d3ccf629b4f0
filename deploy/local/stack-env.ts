import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The file in which a running stack's addresses stand, for the command line to find; `platform/env` reads it. */
export const stackEnvFile = (dataDir: string): string => join(dataDir, 'stack.env')

/** Writes the addresses down, for nobody but this user: the database's holds its password. */
export function writeStackEnv(dataDir: string, values: Readonly<Record<string, string>>): void {
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'\n`)
  const draft = `${stackEnvFile(dataDir)}.new`
  writeFileSync(draft, `# Addresses of the stack that runs now; removed when it ends.\n${lines.join('')}`, {
    mode: 0o600,
  })
  renameSync(draft, stackEnvFile(dataDir))
}

/** Removes the addresses of a stack that runs no more. */
export const removeStackEnv = (dataDir: string): void => rmSync(stackEnvFile(dataDir), { force: true })
