import { chmodSync, copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './run-command.js'
import type { FetchContext } from './server-cache.js'

const BUILD_BOUND_MS = 1_800_000

/**
 * Builds a command with `go install`, and puts it into a folder.
 * @param module with its version: `github.com/owner/name/cmd/command@v1.2.3`; the command has the last part's name
 * @throws Error when there is no Go, or it does not build
 */
export async function buildWithGo(folder: string, context: FetchContext, module: string): Promise<void> {
  const bin = join(folder, 'gobin')
  mkdirSync(bin, { recursive: true })
  await runCommand({
    command: 'go',
    args: ['install', module],
    env: { ...context.env, GOBIN: bin },
    signal: context.signal,
    keeper: context.keeper,
    boundMs: BUILD_BOUND_MS,
  })
  const name = /([^/@]+)@/.exec(module)?.[1] ?? ''
  copyFileSync(join(bin, name), join(folder, name))
  chmodSync(join(folder, name), 0o755)
  rmSync(bin, { recursive: true })
}
