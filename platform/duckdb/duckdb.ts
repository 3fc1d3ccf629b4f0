import { DuckDBInstance, type DuckDBAppender, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api'
import { inTurn } from '../in-turn.js'
import type { Part } from '../lifecycle.js'

export interface DuckDbSettings {
  /** What it may hold in memory; beyond it spills to `spillFolder`. */
  readonly memoryLimitBytes: number
  readonly threads: number
  /** Where it spills to; made when it is needed, and emptied at the end. */
  readonly spillFolder: string
  /** Interrupts the statements that run, and refuses further ones. */
  readonly signal?: AbortSignal | undefined
}

/** Values of named parameters: `$day` is `{ day: … }`. Whole numbers beyond 32 bits are given as bigint. */
export type SqlParameters = Readonly<Record<string, string | number | bigint | null>>

/** Fills one table, row by row. What was given is seen by others after `flush`. */
export interface RowAppender {
  text(value: string | null): void
  /** 64 bits. */
  whole(value: number | null): void
  /** 32 bits. */
  integer(value: number | null): void
  endRow(): void
  flush(): void
  close(): void
}

/** A connection. Statements on it come one after the other; those of two connections run at once. */
export interface DuckDb {
  run(sql: string, parameters?: SqlParameters): Promise<void>
  /** Rows by column name; whole numbers of any width come as numbers. @throws RangeError beyond 2^53 */
  rows<Row extends object>(sql: string, parameters?: SqlParameters): Promise<Row[]>
  openAppender(table: string): Promise<RowAppender>
  /** Another connection to the same data. */
  connect(): Promise<DuckDb>
}

/** Opens an empty database in memory, which is gone when it is stopped. It never goes to the network for extensions. */
export async function openDuckDb(settings: DuckDbSettings): Promise<Part<DuckDb>> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(settings.memoryLimitBytes / 1024)}KiB`,
    threads: String(settings.threads),
    temp_directory: settings.spillFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connections: DuckDBConnection[] = []
  const connect = async (): Promise<DuckDb> => {
    const connection = await instance.connect()
    connections.push(connection)
    return duckDbOn(connection, connect, settings.signal)
  }
  const interrupt = (): void => connections.forEach((connection) => connection.interrupt())
  settings.signal?.addEventListener('abort', interrupt)
  const stop = (): Promise<void> => {
    settings.signal?.removeEventListener('abort', interrupt)
    for (const connection of connections) connection.closeSync()
    instance.closeSync()
    return Promise.resolve()
  }
  return { value: await connect(), stop }
}

/** A text as a literal of SQL, for the places where DuckDB takes no parameter. */
export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

function duckDbOn(connection: DuckDBConnection, connect: () => Promise<DuckDb>, signal?: AbortSignal): DuckDb {
  // A connection takes one statement at a time: the next waits for the one before.
  const next = inTurn()
  return {
    run: (sql, parameters) =>
      next(async () => {
        signal?.throwIfAborted()
        await connection.run(sql, valuesOf(parameters))
      }),
    rows: <Row extends object>(sql: string, parameters?: SqlParameters) =>
      next(async () => {
        signal?.throwIfAborted()
        const reader = await connection.runAndReadAll(sql, valuesOf(parameters))
        return reader.getRowObjects().map((row) => plain(row)) as Row[]
      }),
    openAppender: async (table) => appenderOn(await connection.createAppender(table)),
    connect,
  }
}

const valuesOf = (parameters: SqlParameters | undefined): Record<string, DuckDBValue> | undefined =>
  parameters === undefined ? undefined : { ...parameters }

function plain(row: Record<string, DuckDBValue>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (typeof value !== 'bigint') return [name, value]
      const whole = Number(value)
      if (!Number.isSafeInteger(whole)) throw new RangeError(`${name} is beyond 2^53`)
      return [name, whole]
    }),
  )
}

const appenderOn = (appender: DuckDBAppender): RowAppender => ({
  text: (value) => (value === null ? appender.appendNull() : appender.appendVarchar(value)),
  whole: (value) => (value === null ? appender.appendNull() : appender.appendBigInt(BigInt(value))),
  integer: (value) => (value === null ? appender.appendNull() : appender.appendInteger(value)),
  endRow: () => appender.endRow(),
  flush: () => appender.flushSync(),
  close: () => appender.closeSync(),
})
