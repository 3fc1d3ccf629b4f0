import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import type pg from 'pg'
import { readPostgresUrl, type PostgresAddress } from '../platform/postgres-url.js'
import { tlsOptions } from '../platform/tls.js'

/**
 * What node-postgres needs to connect to a URL, with libpq's meaning of `sslmode`: `require` encrypts and checks nothing (with a
 * root certificate: as `verify-ca`), `verify-ca` checks who signed the certificate, `verify-full` also whose host it is for.
 */
export function connectionOf(url: string): Pick<pg.ClientConfig, 'connectionString' | 'ssl'> {
  const address = readPostgresUrl(url)
  return { connectionString: address.url, ...(address.sslMode === undefined ? {} : { ssl: sslOf(address) }) }
}

function sslOf({ url, sslMode, tls }: PostgresAddress): ConnectionOptions | false {
  const material = tlsOptions(tls)
  const anyHost = { checkServerIdentity: () => undefined }
  switch (sslMode) {
    case 'verify-full': {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
      // Of a host that is an address, Node would check the name `localhost`.
      return { ...material, checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) }
    }
    case 'verify-ca':
      return { ...material, ...anyHost }
    case 'require':
      return material.ca === undefined ? { ...material, rejectUnauthorized: false } : { ...material, ...anyHost }
    default:
      return false
  }
}
