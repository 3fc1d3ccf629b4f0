import { connect } from 'node:tls'
import type { Config } from './config.js'
import { explainTls, tlsOptions, type TlsMaterial } from './tls.js'

/** What a process needs from the environment to connect to Temporal. */
export const TEMPORAL_CONNECTION_VARIABLES = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CA',
  'TEMPORAL_TLS_CERT',
  'TEMPORAL_TLS_KEY',
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_API_KEY',
] as const

export type TemporalConnectionConfig = Config<(typeof TEMPORAL_CONNECTION_VARIABLES)[number]>

/** Where Temporal is, how it is proved that it is Temporal, and how we log in. */
export interface TemporalConnection {
  readonly address: string
  readonly namespace: string
  /** @default connections are not encrypted */
  readonly tls?: TlsMaterial & { readonly serverName?: string | undefined }
  readonly apiKey?: string | undefined
}

/** The connection as the configuration says, which has checked that nothing is missing. */
export function temporalConnection(config: TemporalConnectionConfig): TemporalConnection {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_API_KEY: apiKey } = config
  if (config.TEMPORAL_TLS === 'no') return { address, namespace }
  const tls = {
    ca: config.TEMPORAL_TLS_CA,
    cert: config.TEMPORAL_TLS_CERT,
    key: config.TEMPORAL_TLS_KEY,
    serverName: config.TEMPORAL_TLS_SERVER_NAME,
  }
  return { address, namespace, tls, apiKey }
}

/** The form in which both of Temporal's clients take it. */
export function temporalOptions({ address, tls, apiKey }: TemporalConnection) {
  if (tls === undefined) return { address, tls: false as const }
  const { ca, cert, key, serverName } = tls
  return {
    address,
    tls: {
      ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
      ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
      ...(cert === undefined || key === undefined
        ? {}
        : { clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } }),
    },
    ...(apiKey === undefined ? {} : { apiKey }),
  }
}

const PROBE_MS = 3_000
/** A server that wants a client certificate says so after the handshake, where TLS 1.3 is used. */
const VERDICT_MS = 300
const TLS_NAMES = {
  address: 'TEMPORAL_ADDRESS',
  ca: 'TEMPORAL_TLS_CA',
  cert: 'TEMPORAL_TLS_CERT',
  key: 'TEMPORAL_TLS_KEY',
  tls: 'TEMPORAL_TLS',
}
const UNAUTHENTICATED = /\bUNAUTHENTICATED\b|unauthenticated|\b401\b/
const REFUSED = /PERMISSION_DENIED|permission ?denied|\b403\b/i

const BAD_REQUEST = /\bHTTP status(?: code)?:? 400\b|\b400 Bad Request\b|status: 400/i

/**
 * Why a connection to Temporal failed, in words that name the setting. gRPC's libraries do not say what went wrong with TLS:
 * a connection of our own is made to find out.
 * @returns undefined when it is not a matter of settings
 */
export async function explainTemporal(error: unknown, connection: TemporalConnection): Promise<string | undefined> {
  const texts = textsOf(error)
  const named = connection.apiKey === undefined ? 'TEMPORAL_API_KEY is not set' : 'check TEMPORAL_API_KEY'
  if (UNAUTHENTICATED.test(texts)) return `Temporal refused the login: ${named}`
  if (REFUSED.test(texts)) return `Temporal refuses this login the namespace in TEMPORAL_NAMESPACE: ${named}`
  if (connection.tls === undefined) return undefined
  // What a proxy answers whose TLS lets everybody in, to refuse them afterwards.
  if (connection.tls.cert === undefined && BAD_REQUEST.test(texts))
    return 'Temporal requires a client certificate: set TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY'
  const tls = explainTls(await tlsFailure(connection), TLS_NAMES)
  return tls === undefined ? undefined : `Temporal: ${tls}`
}

function textsOf(error: unknown): string {
  const texts: string[] = []
  for (let at = error; at instanceof Error && texts.length < 8; at = at.cause) texts.push(at.message)
  return texts.join('\n')
}

/** What a TLS connection fails with; undefined when it does not. */
function tlsFailure({ address, tls = {} }: TemporalConnection): Promise<unknown> {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve) => {
    const { serverName = host, ...material } = tls
    const socket = connect({
      ...tlsOptions(material),
      host,
      port: Number(port),
      ...serverNameOf(serverName),
      ALPNProtocols: ['h2'],
    })
    const end = (failure?: unknown) => {
      socket.destroy()
      resolve(failure)
    }
    socket.setTimeout(PROBE_MS, () => end())
    socket.once('error', end)
    socket.once('secureConnect', () => socket.setTimeout(VERDICT_MS))
    socket.resume()
  })
}

/** An address is no server name in TLS. */
const serverNameOf = (name: string): { servername?: string } => (/^[\d.]+$|:/.test(name) ? {} : { servername: name })
