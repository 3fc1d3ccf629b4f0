import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresHome } from '../../../deploy/local/postgres-server.js'
import { administer } from '../migrated-copy.js'
import type { Certificates, Pair } from './certificates.js'

/** The PostgreSQL of the tests, with TLS until it ends. Databases of others are reached as before. */
export interface TlsPostgres {
  /** From now on, new connections are shown this certificate. */
  show(which: 'server' | 'expired'): Promise<void>
}

/**
 * Turns TLS on.
 * @param required databases that are reached by TLS alone
 * @param certified those for which the client needs a certificate of the authority, too
 */
export async function withTls(
  { databaseUrl, dataDir }: { readonly databaseUrl: string; readonly dataDir: string },
  pki: Certificates,
  required: readonly string[],
  certified: readonly string[],
): Promise<TlsPostgres> {
  const data = join(postgresHome(dataDir), 'data')
  const { uid, gid } = statSync(data)
  const write = (name: string, text: string) => {
    writeFileSync(join(data, name), text, { mode: 0o600 })
    chownSync(join(data, name), uid, gid)
  }
  const writePair = (name: string, { cert, key }: Pair) => {
    write(`${name}.crt`, cert)
    write(`${name}.key`, key)
  }
  writePair('server', pki.server)
  writePair('expired', pki.expired)
  write('ca.crt', pki.ca.cert)
  const before = readFileSync(join(data, 'pg_hba.conf'), 'utf8')
  const rules = [
    ...required.map((name) => `hostssl ${name} all all scram-sha-256\nhostnossl ${name} all all reject\n`),
    ...certified.map((name) => `hostssl ${name} all all scram-sha-256 clientcert=verify-ca\n`),
  ]
  write('pg_hba.conf', rules.join('') + before)
  const set = async (settings: Record<string, string>) => {
    for (const [name, value] of Object.entries(settings))
      await administer(databaseUrl, `ALTER SYSTEM SET ${name} = '${value}'`)
    await administer(databaseUrl, 'SELECT pg_reload_conf()')
  }
  const show = (which: 'server' | 'expired') => set({ ssl_cert_file: `${which}.crt`, ssl_key_file: `${which}.key` })
  await set({ ssl_ca_file: 'ca.crt', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key', ssl: 'on' })
  return { show }
}
