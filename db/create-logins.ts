import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import pg from 'pg'
import { GuardianError } from '../domain/errors.js'
import { messageOf } from '../platform/message-of.js'
import { connectionOf } from './connection.js'
import { loginOf, PARTITIONS_ROLE, PROCESS_ROLES, type ProcessRole } from './process-roles.js'
import { asStoreError, sqlStateOf } from './store-error.js'

const SCRAM_ITERATIONS = 4_096
const DUPLICATE_OBJECT = '42710'

/** What PostgreSQL stores of a password: the password itself is never sent, so that no log of statements can have it. */
function scramVerifier(password: string): string {
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, SCRAM_ITERATIONS, 32, 'sha256')
  const keyOf = (text: string): Buffer => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  const serverKey = keyOf('Server Key').toString('base64')
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

/**
 * Makes the logins of the processes, or gives those that there are these passwords. What they may do in a database is
 * granted there by `migrate`.
 * @param databaseUrl of a login that may make roles: a superuser, or one with CREATEROLE that may grant pg_read_all_stats
 * @param passwords in ASCII
 * @returns the names of the logins
 * @throws GRD_STORE_*, GRD_MIGRATION when the login may not make them
 */
export async function createLogins(
  databaseUrl: string,
  passwords: Readonly<Record<ProcessRole, string>>,
  connectTimeoutMs: number,
): Promise<string[]> {
  const client = new pg.Client({
    ...connectionOf(databaseUrl),
    application_name: 'guardian-roles',
    connectionTimeoutMillis: connectTimeoutMs,
  })
  client.on('error', () => undefined) // told by the statement under way
  try {
    await client.connect().catch((cause: unknown) => {
      throw asStoreError(cause, 'connect to PostgreSQL')
    })
    await createRole(client, PARTITIONS_ROLE)
    for (const role of PROCESS_ROLES) {
      await createRole(client, loginOf(role))
      await client.query(`ALTER ROLE ${loginOf(role)} LOGIN PASSWORD '${scramVerifier(passwords[role])}'`)
    }
    const { rows } = await client.query<{ isMember: boolean }>(`SELECT pg_has_role($1, 'USAGE') AS "isMember"`, [
      PARTITIONS_ROLE,
    ])
    if (rows[0]?.isMember !== true) await client.query(`GRANT ${PARTITIONS_ROLE} TO CURRENT_USER`)
    // Detaching a day looks for transactions of others that would hold it up: whose they are, PostgreSQL tells not everyone.
    await client.query(`GRANT ${PARTITIONS_ROLE}, pg_read_all_stats TO ${loginOf('orchestrator')}`)
    return PROCESS_ROLES.map(loginOf)
  } catch (error) {
    const store = asStoreError(error, 'create logins')
    if (!(store instanceof GuardianError) || store.code !== 'GRD_STORE_REFUSED') throw store
    const reason = messageOf(error)
    throw new GuardianError('GRD_MIGRATION', `the logins of the processes could not be made: ${reason}`, {
      cause: error,
    })
  } finally {
    await client.end()
  }
}

async function createRole(client: pg.Client, name: string): Promise<void> {
  try {
    await client.query(`CREATE ROLE ${name}`)
  } catch (error) {
    if (sqlStateOf(error) !== DUPLICATE_OBJECT) throw error
  }
}
