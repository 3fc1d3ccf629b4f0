import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync, copyFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { messageOf } from '../../platform/message-of.js'
import { packageRoot } from '../../platform/package-root.js'
import { download, sha256Of } from './download.js'
import { LocalFault } from './local-fault.js'
import { runCommand } from './run-command.js'
import type { FetchContext } from './server-cache.js'

/** One file of a Maven repository, by its path there. */
export interface MavenFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

export interface MavenArtifact {
  readonly version: string
  readonly files: readonly MavenFile[]
}

/** The exact files of a server, each with its checksum, as `maven-artifacts.json` names them. */
export function mavenArtifact(server: 'kafka' | 'registry'): MavenArtifact {
  const path = join(packageRoot, 'deploy', 'local', 'maven-artifacts.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as Record<string, MavenArtifact>)[server] as MavenArtifact
}

const CENTRAL = 'https://repo1.maven.org/maven2'
const PARALLEL = 6
const MEGABYTE = 1_000_000

/**
 * Puts the files into a folder, flat. Those that are there already and right are kept. They come straight from the
 * repository (`GUARDIAN_MAVEN_REPOSITORY`, or Maven Central); where that cannot be reached, from the `mvn` command with
 * whatever mirror it is configured for.
 * @throws LocalFault when neither way works
 */
export async function fetchMavenFiles(
  files: readonly MavenFile[],
  folder: string,
  context: FetchContext,
): Promise<void> {
  const missing: MavenFile[] = []
  for (const file of files) if (!(await isRight(file, folder))) missing.push(file)
  if (missing.length === 0) return
  const repository = (context.env['GUARDIAN_MAVEN_REPOSITORY'] ?? CENTRAL).replace(/\/+$/, '')
  try {
    await downloadAll(missing, folder, repository, context)
  } catch (error) {
    context.signal?.throwIfAborted()
    context.report(`${messageOf(error)}; trying mvn`)
    await fetchWithMaven(missing, folder, context).catch((second: unknown) => {
      context.signal?.throwIfAborted()
      throw new LocalFault(
        `the server's files cannot be fetched: ${messageOf(error)}; and with mvn: ${messageOf(second)}`,
        'check the network, or name a mirror of Maven Central in GUARDIAN_MAVEN_REPOSITORY, or configure one for mvn',
        { cause: new AggregateError([error, second]) },
      )
    })
  }
}

async function downloadAll(
  files: readonly MavenFile[],
  folder: string,
  repository: string,
  context: FetchContext,
): Promise<void> {
  const total = files.reduce((sum, file) => sum + file.bytes, 0)
  const done = new Map<string, number>()
  const failed = new AbortController()
  const signal = AbortSignal.any([failed.signal, ...(context.signal === undefined ? [] : [context.signal])])
  const queue = [...files]
  const worker = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const { path, sha256 } = file
      const onBytes = (bytes: number) => {
        done.set(path, bytes)
        const sum = [...done.values()].reduce((a, b) => a + b, 0)
        context.report(
          `downloading ${(sum / MEGABYTE).toFixed(0)} of ${(total / MEGABYTE).toFixed(0)} MB (${Math.floor((100 * sum) / total)} %)`,
        )
      }
      await download({ url: `${repository}/${path}`, path: join(folder, basename(path)), sha256, onBytes, signal })
    }
  }
  const workers = Array.from({ length: PARALLEL }, worker)
  try {
    await Promise.all(workers)
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(workers)
    throw error
  }
}

async function fetchWithMaven(files: readonly MavenFile[], folder: string, context: FetchContext): Promise<void> {
  const scratch = join(folder, '.mvn')
  mkdirSync(scratch, { recursive: true })
  writeFileSync(join(scratch, 'pom.xml'), pomFor(files))
  const fetched = join(scratch, 'files')
  await runCommand({
    command: 'mvn',
    args: ['-q', '-B', '-U', '-f', join(scratch, 'pom.xml'), 'dependency:copy', `-DoutputDirectory=${fetched}`],
    env: context.env,
    signal: context.signal,
    keeper: context.keeper,
    boundMs: 600_000,
  })
  for (const file of files) {
    if (!(await isRight(file, fetched))) throw new Error(`mvn gave another ${basename(file.path)} than expected`)
    copyFileSync(join(fetched, basename(file.path)), join(folder, basename(file.path)))
  }
  rmSync(scratch, { recursive: true, force: true })
}

/** A project for `mvn dependency:copy` that names exactly these files, without what they depend on. */
export function pomFor(files: readonly MavenFile[]): string {
  const items = files.map(({ path }) => {
    const parts = path.split('/')
    const [artifactId = '', version = '', file = ''] = parts.slice(-3)
    const ending = file.slice(`${artifactId}-${version}`.length)
    const [, classifier, type = ''] = /^(?:-([a-z0-9-]+))?\.(jar|tar\.gz)$/.exec(ending) ?? []
    const all = { groupId: parts.slice(0, -3).join('.'), artifactId, version, type, classifier }
    return element(
      'artifactItem',
      ...Object.entries(all).map(([tag, text]) => (text === undefined ? '' : element(tag, text))),
    )
  })
  return element(
    'project',
    element('modelVersion', '4.0.0'),
    ...Object.entries({ groupId: 'guardian', artifactId: 'servers', version: '1' }).map(([tag, text]) =>
      element(tag, text),
    ),
    element(
      'build',
      element(
        'plugins',
        element(
          'plugin',
          element('artifactId', 'maven-dependency-plugin'),
          element('configuration', element('artifactItems', ...items)),
        ),
      ),
    ),
  )
}

const element = (tag: string, ...content: string[]): string => `<${tag}>${content.join('')}</${tag}>`

async function isRight(file: MavenFile, folder: string): Promise<boolean> {
  const path = join(folder, basename(file.path))
  return existsSync(path) && statSync(path).size === file.bytes && (await sha256Of(path)) === file.sha256
}
