import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { fetchVersitygw } from '../../deploy/local/fetch-versitygw.js'
import { findFreePorts } from '../../deploy/local/ports.js'
import { cacheDirOf } from '../../deploy/local/server-cache.js'
import { waitUntil } from './child-process.js'

/** A real S3 server with one bucket. */
export interface S3Server {
  /** What processes are given to use it. */
  readonly env: Readonly<Record<string, string>>
  readonly stop: () => Promise<void>
}

/** @param folder where it keeps its objects, and processes their copies */
export async function startS3Server(folder: string): Promise<S3Server> {
  const command = await fetchVersitygw({ cacheDir: cacheDirOf(process.env), env: process.env, report: () => undefined })
  const [port = 0] = await findFreePorts(1)
  const [access, secret] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')]
  mkdirSync(join(folder, 'buckets', 'archive'), { recursive: true })
  const server = spawn(command, ['--port', `127.0.0.1:${port}`, 'posix', join(folder, 'buckets')], {
    env: { PATH: process.env['PATH'] ?? '', ROOT_ACCESS_KEY: access, ROOT_SECRET_KEY: secret },
    stdio: 'ignore',
  })
  process.once('exit', () => server.kill('SIGKILL'))
  const endpoint = `http://127.0.0.1:${port}`
  await waitUntil(
    () => 'versitygw answers',
    20_000,
    () =>
      fetch(endpoint).then(
        () => true,
        () => false,
      ),
  )
  return {
    env: {
      ARCHIVE_URL: 's3://archive/guardian',
      S3_ENDPOINT: endpoint,
      S3_ACCESS_KEY_ID: access,
      S3_SECRET_ACCESS_KEY: secret,
      S3_FOLDER: join(folder, 'local'),
    },
    stop: async () => {
      server.kill('SIGTERM')
      if (server.exitCode === null) await once(server, 'exit')
    },
  }
}
