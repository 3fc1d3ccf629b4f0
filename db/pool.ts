import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy'
import pg from 'pg'
import { GuardianError } from '../domain/errors.js'
import type { Part } from '../platform/lifecycle.js'
import type { Logger } from '../platform/logger.js'
import { connectionOf } from './connection.js'
import { asStoreError, breaksConnection } from './store-error.js'

export interface PoolSettings {
  /** `postgres://user:password@host:port/database`, with libpq's `sslmode`, `sslrootcert`, `sslcert` and `sslkey` */
  readonly url: string
  /** Connections at most. */
  readonly max: number
  /** How long to wait for a connection, a free one or a new one. */
  readonly connectTimeoutMs: number
  /** How long one statement may run; the server ends it, and half a second later the client gives up. */
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string
  /**
   * Does not wait for the disk at COMMIT: a crash of the server can lose the last moments. Only for what is written
   * again by a commit that does wait.
   */
  readonly asynchronousCommit?: boolean
  /** Looked into first for tables and functions; an identifier that needs no quotes. */
  readonly schema?: string
}

export interface Rows<Row> {
  readonly rows: Row[]
  /** Rows read, or rows changed by an INSERT, UPDATE, DELETE or MERGE. */
  readonly rowCount: number
  /** The server's own word for what it did: SELECT, INSERT, COMMIT, ROLLBACK... */
  readonly command: string
}

export interface StatementOptions {
  /** Prepares the statement once per connection under this name. One name belongs to one text. */
  readonly name?: string
}

/** Something that runs statements: the pool, or one transaction. */
export interface Queryable {
  /**
   * Runs one parameterized statement. bigint comes as a number, timestamptz as a Date, bytea as a Buffer.
   * @throws GuardianError with a GRD_STORE_* code, or GRD_STORE_REFUSED when a bigint is beyond 2^53
   */
  query<Row extends object>(text: string, params?: readonly unknown[], options?: StatementOptions): Promise<Rows<Row>>
  /** Runs a query made with drizzle's builder: `db.select((orm) => orm.select().from(rules))`. @throws as `query` */
  select<T>(build: (orm: PgRemoteDatabase) => PromiseLike<T>): Promise<T>
}

export interface PoolLoad {
  readonly open: number
  readonly idle: number
  /** Callers that wait for a connection. */
  readonly waiting: number
}

/** One database: statements, each on any connection. Several statements that belong together go to `withTransaction`. */
export interface Database extends Queryable {
  /** For `withTransaction`: a connection of one's own, which has to be given back. */
  checkOut(): Promise<Connection>
  load(): PoolLoad
}

/** A connection that nobody else uses until it is released. */
export interface Connection extends Queryable {
  /** Gives it back; with a reason it is closed instead, because nobody can know what state it is in. */
  release(broken?: Error): void
}

/** An open transaction. */
export type Transaction = Queryable

const INT8 = 20
const INT8_ARRAY = 1016
const TIMESTAMPTZ = 1184

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new GuardianError('GRD_STORE_REFUSED', 'a bigint is beyond 2^53')
  return value
}

/** bigint[] in PostgreSQL's text form, of one dimension. */
const safeIntegers = (text: string): (number | null)[] =>
  text === '{}'
    ? []
    : text
        .slice(1, -1)
        .split(',')
        .map((item) => (item === 'NULL' ? null : safeInteger(item)))

const ordinaryParser = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => unknown
const ordinaryInstant = ordinaryParser(TIMESTAMPTZ) as (text: string) => unknown

const UTC_INSTANT = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/

/** Rows have many instants, nearly all of them such as the engine itself reads. */
const instant = (text: string): unknown =>
  UTC_INSTANT.test(text) ? new Date(`${text.slice(0, 10)}T${text.slice(11)}:00`) : ordinaryInstant(text)

/** The pool's own parsers: node-postgres would give bigint as text, and a global parser would reach other libraries. */
const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary'): unknown => {
    if (format !== 'binary' && oid === INT8) return safeInteger
    if (format !== 'binary' && oid === INT8_ARRAY) return safeIntegers
    if (format !== 'binary' && oid === TIMESTAMPTZ) return instant
    return ordinaryParser(oid, format)
  }) as typeof pg.types.getTypeParser,
}

/** The settings of every connection, so that no wait on the network or on a lock is without an end. */
const connectionConfig = (settings: PoolSettings): pg.PoolConfig => ({
  ...connectionOf(settings.url),
  application_name: settings.applicationName,
  max: settings.max,
  connectionTimeoutMillis: settings.connectTimeoutMs,
  statement_timeout: settings.statementTimeoutMs,
  query_timeout: settings.statementTimeoutMs + 500,
  lock_timeout: settings.lockTimeoutMs,
  idle_in_transaction_session_timeout: settings.statementTimeoutMs,
  idleTimeoutMillis: 30_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  types: typeParsers,
  // Said by ourselves: what a server with `off` has acknowledged can be gone after a crash, a checkpoint with its offset too.
  options: [
    `-c synchronous_commit=${settings.asynchronousCommit === true ? 'off' : 'on'}`,
    ...(settings.schema === undefined ? [] : [`-c search_path=${settings.schema},"$user",public`]),
  ].join(' '),
})

/**
 * Opens a pool. It connects when the first statement comes: a process starts, and says that it is not ready, while
 * the database is away. Stopping waits for the connections that are out.
 */
export function openPool(settings: PoolSettings, log: Logger): Promise<Part<Database>> {
  const pool = new pg.Pool(connectionConfig(settings))
  pool.on('error', (error) => log.warn({ err: withoutClient(error) }, 'postgres_idle_connection_lost'))
  // A FATAL that comes in one packet with the end of the last statement is emitted before whoever waits for the
  // connection runs on and can listen: without a listener of its own, from the first moment, it ends the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const checkOut = () => checkOutOf(pool, log)
  const database: Database = {
    ...queryable(async (statement) => {
      const connection = await checkOutClient(pool, log)
      try {
        const result = await connection.client.query<object>(statement)
        connection.release()
        return result
      } catch (error) {
        connection.release(brokenBy(error))
        throw error
      }
    }),
    checkOut,
    load: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
  return Promise.resolve({ value: database, stop: () => pool.end() })
}

/** pg-pool hangs the whole client on the error of an idle connection: a log line of settings and buffers. */
function withoutClient(error: Error): Error {
  Reflect.deleteProperty(error, 'client')
  return error
}

/** What a connection is released with after an error: the error when it may not be used again. */
export const brokenBy = (error: unknown): Error | undefined =>
  breaksConnection(error) ? (error instanceof Error ? error : new Error(String(error))) : undefined

type Run = (statement: pg.QueryConfig<unknown[]> & { rowMode?: 'array' }) => Promise<pg.QueryResult<object>>

async function checkOutOf(pool: pg.Pool, log: Logger): Promise<Connection> {
  const { client, release } = await checkOutClient(pool, log).catch((error: unknown) => {
    throw asStoreError(error, 'connect to PostgreSQL')
  })
  return { ...queryable((statement) => client.query<object>(statement)), release }
}

/** Notes when the connection breaks while it is out, so that it is closed and not handed out again. */
async function checkOutClient(pool: pg.Pool, log: Logger) {
  const client = await pool.connect()
  let lost: Error | undefined
  const onError = (error: Error) => {
    lost = error
    log.warn({ err: error }, 'postgres_connection_lost')
  }
  client.on('error', onError)
  const release = (broken?: Error) => {
    client.off('error', onError)
    client.release(broken ?? lost)
  }
  return { client, release }
}

function queryable(run: Run): Queryable {
  const attempt = async (statement: Parameters<Run>[0]): Promise<Rows<object>> => {
    try {
      const { rows, rowCount, command } = await run(statement)
      return { rows, rowCount: rowCount ?? 0, command }
    } catch (error) {
      throw asStoreError(error, 'statement failed')
    }
  }
  const orm = drizzle((text, params, method) =>
    attempt({ text, values: params, ...(method === 'all' ? { rowMode: 'array' as const } : {}) }),
  )
  return {
    query: async <Row extends object>(text: string, params: readonly unknown[] = [], options: StatementOptions = {}) =>
      (await attempt({ text, values: [...params], ...options })) as Rows<Row>,
    select: async (build) => {
      try {
        return await build(orm)
      } catch (error) {
        // drizzle wraps what its driver throws in an error whose message holds the parameters.
        throw error instanceof Error && error.cause instanceof GuardianError ? error.cause : error
      }
    },
  }
}
