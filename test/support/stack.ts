import { randomBytes, randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  SERVER_NAMES,
  ServerSet,
  describeServers,
  type RunningServers,
  type ServerName,
} from '../../deploy/local/servers.js'
import { startKeeper, type Keeper } from '../../deploy/local/start-keeper.js'
import { administer } from './migrated-copy.js'
import { makeProcessLogins } from './process-logins.js'

/** The servers of one mocha run, with every address filled in; those of servers that were not asked for are empty. */
export interface TestStack extends Omit<
  RunningServers,
  'databaseUrl' | 'kafkaBrokers' | 'schemaRegistryUrl' | 'temporalAddress' | 'stop'
> {
  /** Of the database `guardian`. A suite that writes makes one of its own with `createTestDatabase`. */
  readonly databaseUrl: string
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
  readonly temporalAddress: string
  /** A temporary directory, removed at the end. */
  readonly dataDir: string
}

interface Shared {
  readonly set: ServerSet
  readonly keeper: Keeper
  readonly dataDir: string
}

const FIRST_START_MS = 900_000 // with an empty cache, servers are fetched or built

let shared: Promise<Shared> | undefined
let logins: Promise<void> | undefined

/**
 * The servers of this mocha run: on free ports, in a temporary directory, started when first asked for, shared by all
 * suites and ended after the last. They never are those of a running `npm start`, whatever the environment says.
 * @param parts what must run; all four when none is named
 */
export async function testStack(...parts: ServerName[]): Promise<TestStack> {
  const { set, dataDir } = await (shared ??= open())
  await Promise.all((parts.length === 0 ? SERVER_NAMES : parts).map((part) => set.start(part)))
  const {
    databaseUrl = '',
    kafkaBrokers = '',
    schemaRegistryUrl = '',
    temporalAddress = '',
    ...handles
  } = describeServers(set)
  if (databaseUrl !== '') await (logins ??= makeProcessLogins(databaseUrl))
  return { ...handles, databaseUrl, kafkaBrokers, schemaRegistryUrl, temporalAddress, dataDir }
}

/**
 * Has the shared servers started before the suite that calls it.
 * @returns gives the stack, once the suite's hooks and tests run
 */
export function useTestStack(...parts: ServerName[]): () => TestStack {
  let stack: TestStack | undefined
  before(async function () {
    this.timeout(FIRST_START_MS)
    stack = await testStack(...parts)
  })
  return () => {
    if (stack === undefined)
      throw new Error('the test stack is there in hooks and tests, not while a suite is described')
    return stack
  }
}

export interface TestDatabase {
  readonly name: string
  readonly url: string
  /** Ends all its connections and removes it. */
  drop: () => Promise<void>
}

/**
 * Makes a database in the shared PostgreSQL. Its name begins with `test_`, for destructive helpers to check.
 * @param create how it is made; empty when nothing is said
 */
export async function createTestDatabase(suite: string, create = createEmpty): Promise<TestDatabase> {
  const { databaseUrl } = await testStack('postgres')
  const name = `test_${suite
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 40)}_${randomBytes(4).toString('hex')}`
  await create(databaseUrl, name)
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  return { name, url: url.href, drop: () => administer(databaseUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

const createEmpty = (databaseUrl: string, name: string): Promise<void> =>
  administer(databaseUrl, `CREATE DATABASE ${name}`)

async function open(): Promise<Shared> {
  const dataDir = temporaryDir()
  const keeper = startKeeper()
  keeper.removeAtEnd(dataDir)
  const set = await ServerSet.create({
    parts: SERVER_NAMES,
    dataDir,
    ports: 'free',
    env: process.env,
    fsync: false,
    isBrief: true,
    password: randomUUID(),
    keeper,
  })
  return { set, keeper, dataDir }
}

/** A temporary directory that PostgreSQL's user can pass, too, when we are root. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'guardian-test-'))
  chmodSync(dir, 0o711)
  return dir
}

/** Ends the shared servers. mocha does it after the last suite; whoever uses them without mocha does it itself. */
export async function stopTestStack(): Promise<void> {
  if (shared === undefined) return
  const { set, keeper } = await shared
  shared = undefined
  logins = undefined
  await set.stop()
  await keeper.close()
}

// The rows of the verification plan use these servers too, and run without mocha.
if (typeof after === 'function')
  after(async function () {
    this.timeout(60_000)
    await stopTestStack()
  })
