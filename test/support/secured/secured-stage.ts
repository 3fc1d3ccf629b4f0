import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorLine } from '../../../cli/cli-error.js'
import { cacheDirOf } from '../../../deploy/local/server-cache.js'
import type { ServerContext } from '../../../deploy/local/server-context.js'
import { startKeeper, type Keeper } from '../../../deploy/local/start-keeper.js'
import { createTestDatabase, temporaryDir, testStack, type TestDatabase, type TestStack } from '../stack.js'
import { certificates, type CertificateFiles, type Certificates } from './certificates.js'
import { startGateway, type Gateway } from './gateway.js'
import { startSecuredKafka, type SecuredKafka } from './secured-kafka.js'
import { startTokenServer, type TokenServer } from './token-server.js'
import { withTls, type TlsPostgres } from './tls-postgres.js'

/** Secrets of the servers, each made for one run: what no output may hold. */
export type Canaries = Readonly<
  Record<'kafkaPassword' | 'oauthSecret' | 'registryPassword' | 'registryToken' | 'temporalApiKey', string>
>

/** Real servers that let nobody in without TLS and a login. */
export interface SecuredServers {
  readonly pki: Certificates
  readonly files: CertificateFiles
  readonly canaries: Canaries
  readonly kafka: SecuredKafka
  readonly gateway: Gateway
  readonly tokens: TokenServer
  readonly postgres: TlsPostgres
  /** A database that is reached by TLS alone, and one for which a client needs a certificate, too. */
  readonly tlsDatabase: TestDatabase
  readonly certifiedDatabase: TestDatabase
  readonly stack: TestStack
  /** Writes a file that only we can read. @returns its path */
  readonly file: (name: string, text: string) => string
}

interface Opened {
  readonly servers: SecuredServers
  readonly stop: () => Promise<void>
}

/** An environment without some variables. */
export const without = (env: Readonly<Record<string, string>>, ...names: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))

/** What connecting fails with, as a person is told. @throws when it succeeds, or the text has a credential */
export async function refusal(connect: () => Promise<unknown>, canaries: Canaries): Promise<string> {
  try {
    await connect()
  } catch (error) {
    const line = errorLine(error)
    for (const canary of Object.values(canaries)) assert.ok(!line.includes(canary), line)
    return line
  }
  assert.fail('was let in')
}

let opened: Promise<Opened> | undefined

/** Has the servers started before the suite that calls it; all suites of a mocha run share them. */
export function useSecuredServers(): () => SecuredServers {
  let servers: SecuredServers | undefined
  before(async function () {
    this.timeout(300_000)
    servers = (await (opened ??= open())).servers
  })
  return () => {
    if (servers === undefined) throw new Error('the servers are there in hooks and tests alone')
    return servers
  }
}

after(async function () {
  this.timeout(60_000)
  await opened?.then(
    ({ stop }) => stop(),
    () => undefined, // the suites have reported it
  )
})

const secret = (what: string): string => `canary-${what}-${randomBytes(12).toString('hex')}`

async function open(): Promise<Opened> {
  const dataDir = temporaryDir()
  const keeper = startKeeper()
  keeper.removeAtEnd(dataDir)
  try {
    return await openWith(dataDir, keeper)
  } catch (error) {
    await keeper.close()
    throw error
  }
}

async function openWith(dataDir: string, keeper: Keeper): Promise<Opened> {
  const context: ServerContext = {
    ...{ dataDir, keeper, env: process.env, cacheDir: cacheDirOf(process.env) },
    report: () => undefined,
    signal: undefined,
  }
  const canaries: Canaries = {
    kafkaPassword: secret('kafka'),
    oauthSecret: secret('oauth'),
    registryPassword: secret('registry'),
    registryToken: secret('token'),
    temporalApiKey: secret('temporal'),
  }
  const pki = certificates(dataDir)
  const [kafka, stack, tokens] = await Promise.all([
    startSecuredKafka(context, pki, canaries.kafkaPassword),
    testStack('postgres', 'registry', 'temporal'),
    startTokenServer(canaries.oauthSecret),
  ])
  const logins = { password: canaries.registryPassword, token: canaries.registryToken, apiKey: canaries.temporalApiKey }
  const gateway = await startGateway(context, stack, pki, logins)
  const tlsDatabase = await createTestDatabase('tls')
  const certifiedDatabase = await createTestDatabase('certified')
  const postgres = await withTls(stack, pki, [tlsDatabase.name], [certifiedDatabase.name])
  const file = (name: string, text: string): string => {
    const path = join(dataDir, name)
    writeFileSync(path, `${text}\n`, { mode: 0o600 })
    return path
  }
  return {
    servers: {
      ...{ pki, files: pki.write(), canaries, kafka, gateway, tokens, postgres },
      ...{ tlsDatabase, certifiedDatabase, stack, file },
    },
    stop: async () => {
      await Promise.all([kafka.stop(), gateway.stop(), tokens.stop()])
      await keeper.close()
    },
  }
}
