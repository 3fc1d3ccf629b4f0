import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../../db/migrate.js'

/** By server: every stack has a password of its own. */
const templates = new Map<string, Promise<string>>()

/**
 * Makes a database with the schema of this code in a server of the tests: a copy of one that is migrated once, because
 * migrating takes ten times as long.
 * @param serverUrl any database of the server, as its owner, once the logins of the processes are there
 */
export async function createMigratedCopy(serverUrl: string, name: string): Promise<void> {
  const made = templates.get(serverUrl) ?? makeTemplate(serverUrl)
  templates.set(serverUrl, made)
  made.catch(() => templates.delete(serverUrl)) // the next one tries again
  await administer(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${await made}`)
}

async function makeTemplate(serverUrl: string): Promise<string> {
  const name = `template_${randomBytes(4).toString('hex')}`
  await administer(serverUrl, `CREATE DATABASE ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  await migrate(url.href, { connectTimeoutMs: 5_000, lockWaitMs: 10_000 })
  return name
}

/** Runs a statement that belongs to no database, on a connection of its own. */
export async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
