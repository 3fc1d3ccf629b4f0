import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './run-command.js'
import type { FetchContext } from './server-cache.js'

const BUILD_BOUND_MS = 1_800_000
const MODULE = 'github.com/temporalio/cli'
/**
 * A release's go.mod points into its own repository for this module, which `go install` refuses. The module of the same
 * commit replaces that; the sums of all other modules are in the release's go.sum.
 */
const PART = `${MODULE}/cliext`
const PART_VERSION = 'v0.0.0-20260914181643-1de87a9f2699'
const PART_SUMS = `${PART} ${PART_VERSION} h1:bk74/z2yuWsBlCk6E4fIpMA7T79GRdA3hATc4gHtJYQ=
${PART} ${PART_VERSION}/go.mod h1:RtVYBw4qmpAJDXjs4THA/i7+epLxdGSTrTgUz+F8vqA=
`

/**
 * Builds the `temporal` command with Go as its release is built, from Go's module proxy.
 * @param folder gets the command, as `temporal`
 * @param version of the command; the commit above is that of this version
 * @throws Error when there is no Go, it is too old, or a module is not available
 */
export async function buildTemporal(folder: string, context: FetchContext, version: string): Promise<void> {
  const since = performance.now()
  const ticker = setInterval(() => {
    context.report(
      `building with Go: ${Math.round((performance.now() - since) / 1_000)} s (several minutes on two cores)`,
    )
  }, 1_000)
  const scratch = join(folder, 'build')
  mkdirSync(scratch)
  const go = (cwd: string, args: readonly string[]) =>
    runCommand({
      command: 'go',
      args,
      env: { ...context.env, CGO_ENABLED: '0' },
      cwd,
      signal: context.signal,
      keeper: context.keeper,
      boundMs: BUILD_BOUND_MS,
    })
  try {
    const { stdout } = await go(scratch, ['mod', 'download', '-json', `${MODULE}@v${version}`])
    const source = (JSON.parse(stdout) as { Dir: string }).Dir
    const modFile = join(scratch, 'temporal.mod')
    writeFileSync(
      modFile,
      readFileSync(join(source, 'go.mod'), 'utf8').replace('=> ./cliext', `=> ${PART} ${PART_VERSION}`),
    )
    writeFileSync(join(scratch, 'temporal.sum'), readFileSync(join(source, 'go.sum'), 'utf8') + PART_SUMS)
    const stamp = `-s -w -X ${MODULE}/internal/temporalcli.Version=${version}`
    const output = join(folder, 'temporal')
    await go(source, ['build', `-modfile=${modFile}`, '-ldflags', stamp, '-o', output, './cmd/temporal'])
    rmSync(scratch, { recursive: true })
  } finally {
    clearInterval(ticker)
  }
}
