import { readFileSync, statSync } from 'node:fs'
import { certificateFault, keyFault, pairFault, type TlsMaterial } from './tls.js'

/** As libpq has them, but for `allow` and `prefer`, which may go without TLS unnoticed. */
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const
export type SslMode = (typeof SSL_MODES)[number]

export interface PostgresAddress {
  /** Without the parameters of TLS. */
  readonly url: string
  /** Without one, TLS is not used. */
  readonly sslMode: SslMode | undefined
  readonly tls: TlsMaterial
}

const FILES = ['sslrootcert', 'sslcert', 'sslkey'] as const
const READABLE_BY_OTHERS = 0o004
/** Parameters of node-postgres alone, which would change what the others mean. */
const NOT_SUPPORTED = ['ssl', 'uselibpqcompat', 'sslnegotiation', 'sslpassword', 'sslcrl'] as const

/** What is wrong with a URL of PostgreSQL, its files included. Never holds a part of it. */
export function postgresUrlFaults(text: string): string[] {
  if (!URL.canParse(text))
    return ['not a URL: special characters of user and password must be percent-encoded (# is %23)']
  const params = new URL(text).searchParams
  const mode = params.get('sslmode')
  const foreign = NOT_SUPPORTED.filter((name) => params.has(name)).map(
    (name) => `${name} is not supported: use sslmode`,
  )
  if (mode !== null && !SSL_MODES.some((one) => one === mode))
    return [...foreign, `sslmode is not one of ${SSL_MODES.join(', ')}`]
  const given = FILES.filter((name) => params.has(name))
  if (given.length > 0 && (mode === null || mode === 'disable'))
    return [...foreign, `${given.join(' and ')} without an sslmode that uses TLS`]
  if (mode === 'verify-ca' && !params.has('sslrootcert')) return [...foreign, 'sslmode=verify-ca needs sslrootcert']
  return [...foreign, ...fileFaults(params)]
}

function fileFaults(params: URLSearchParams): string[] {
  const faults = FILES.flatMap((name) => {
    const path = params.get(name)
    const fault = path === null ? undefined : fileFault(name, path)
    return fault === undefined ? [] : [`${name}: ${fault}`]
  })
  if (params.has('sslcert') !== params.has('sslkey')) faults.push('sslcert and sslkey are only used together')
  if (faults.length > 0) return faults
  const { cert, key } = materialOf(params)
  const pair = cert === undefined || key === undefined ? undefined : pairFault(cert, key)
  return pair === undefined ? [] : [`sslcert: ${pair('sslkey')}`]
}

function fileFault(name: (typeof FILES)[number], path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    if (name !== 'sslkey') return certificateFault(text)
    if ((statSync(path).mode & READABLE_BY_OTHERS) !== 0)
      return 'readable by every user of the machine: chmod o-r the file'
    return keyFault(text)
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
    if (typeof code !== 'string') throw error
    return `cannot be read (${code})`
  }
}

function materialOf(params: URLSearchParams): TlsMaterial {
  const read = (name: (typeof FILES)[number]): string | undefined => {
    const path = params.get(name)
    return path === null ? undefined : readFileSync(path, 'utf8')
  }
  return { ca: read('sslrootcert'), cert: read('sslcert'), key: read('sslkey') }
}

/** Splits a URL that has no fault into the address and what TLS needs. @throws of the file system, when a file is gone since */
export function readPostgresUrl(text: string): PostgresAddress {
  const url = new URL(text)
  const sslMode = SSL_MODES.find((one) => one === url.searchParams.get('sslmode'))
  const tls = materialOf(url.searchParams)
  if (sslMode === undefined) return { url: text, sslMode, tls }
  for (const name of ['sslmode', ...FILES]) url.searchParams.delete(name)
  return { url: url.href, sslMode, tls }
}
