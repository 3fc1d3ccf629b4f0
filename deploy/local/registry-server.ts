import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { classArchive } from './class-archive.js'
import { findJava } from './java.js'
import { ManagedProcess } from './managed-process.js'
import { fetchMavenFiles, mavenArtifact } from './maven-files.js'
import { POSTGRES_USER } from './postgres-server.js'
import { runCommand } from './run-command.js'
import { cachedItem, type FetchContext } from './server-cache.js'
import { STOP_RANK, serverEnv, type RunningServer, type ServerContext } from './server-context.js'

export interface RegistryOptions {
  readonly port: number
  /** Where it keeps schemas: the local PostgreSQL, or without one a file of its own. */
  readonly postgres: { readonly port: number; readonly password: string } | undefined
}

/** Puts Apicurio Registry into the cache. @returns its folder */
function fetchRegistry(context: FetchContext): Promise<string> {
  const { version, files } = mavenArtifact('registry')
  return cachedItem(context, `apicurio-registry-${version}`, async (folder) => {
    await fetchMavenFiles(files, folder, context)
    context.report('unpacking')
    for (const { path } of files) {
      await runCommand({
        command: 'tar',
        args: ['-xzf', join(folder, basename(path)), '-C', folder],
        env: context.env,
        signal: context.signal,
      })
      rmSync(join(folder, basename(path)))
    }
  })
}

/**
 * Starts the schema registry on 127.0.0.1. Its URL is the root of the Confluent API.
 * @param storage what to wait for between fetching and starting
 */
export async function startRegistry(
  context: ServerContext,
  options: RegistryOptions,
  storage?: () => Promise<unknown>,
): Promise<RunningServer> {
  const [java, home] = await Promise.all([findJava(context.env), fetchRegistry(context), storage?.()])
  const { version } = mavenArtifact('registry')
  const url = `http://127.0.0.1:${options.port}/apis/ccompat/v7`
  const archive = classArchive(context.cacheDir, `apicurio-registry-${version}`, java)
  context.report('starting')
  const registry = new ManagedProcess(
    {
      name: 'registry',
      command: java.command,
      args: [
        '-Xmx256m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        ...archive.args,
        '-jar',
        join(home, `apicurio-registry-app-${version}-runner.jar`),
      ],
      env: { ...serverEnv(context.env), ...registrySettings(context, options) },
      logFile: join(context.dataDir, 'logs', 'registry.log'),
      stopSignal: 'SIGTERM',
      stopBoundMs: 30_000, // the first end takes seconds: it writes the class archive
      readyBoundMs: 120_000,
      rank: STOP_RANK.server,
      isReady: () => answers(`${url}/subjects`),
      onStopped: archive.keep,
    },
    context.keeper,
  )
  await registry.start(context.signal)
  return { url, processes: [registry] }
}

/** Settings go by the environment, where other users of the machine do not see the password. */
function registrySettings(context: ServerContext, { port, postgres }: RegistryOptions): Record<string, string> {
  return {
    QUARKUS_HTTP_HOST: '127.0.0.1',
    QUARKUS_HTTP_PORT: String(port),
    QUARKUS_HTTP_ACCESS_LOG_ENABLED: 'false',
    APICURIO_STORAGE_KIND: 'sql',
    ...(postgres === undefined
      ? {
          APICURIO_STORAGE_SQL_KIND: 'h2',
          APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(context.dataDir, 'registry', 'schemas')}`,
          APICURIO_DATASOURCE_USERNAME: 'sa',
          APICURIO_DATASOURCE_PASSWORD: 'sa',
        }
      : {
          APICURIO_STORAGE_SQL_KIND: 'postgresql',
          APICURIO_DATASOURCE_URL: `jdbc:postgresql://127.0.0.1:${postgres.port}/registry`,
          APICURIO_DATASOURCE_USERNAME: POSTGRES_USER,
          APICURIO_DATASOURCE_PASSWORD: postgres.password,
        }),
  }
}

/** Whether an HTTP server answers with success; one that is not there yet does not. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.body?.cancel()
    return response.ok
  } catch (error) {
    if (error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError')) return false
    throw error
  }
}
