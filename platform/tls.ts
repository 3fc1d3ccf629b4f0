import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto'

/** How a TLS connection proves who is at its other end, and who we are. Texts are PEM. */
export interface TlsMaterial {
  /** Authorities that are trusted. @default those that Node ships, and NODE_EXTRA_CA_CERTS */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Without what is not set: some libraries take undefined for a value. */
export const tlsOptions = ({ ca, cert, key }: TlsMaterial): { ca?: string; cert?: string; key?: string } => ({
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
})

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** What is wrong with a text that should hold one or more certificates. */
export function certificateFault(pem: string): string | undefined {
  const found = pem.match(CERTIFICATE) ?? []
  if (found.length === 0) return 'holds no PEM certificate'
  return found.every((one) => parsed(() => new X509Certificate(one)) !== undefined)
    ? undefined
    : 'holds a certificate that cannot be read'
}

/** What is wrong with a text that should hold a private key. */
export function keyFault(pem: string): string | undefined {
  if (/ENCRYPTED/.test(pem)) return 'is encrypted: keys with a passphrase are not supported (openssl pkey decrypts it)'
  return privateKeyOf(pem) === undefined ? 'holds no PEM private key' : undefined
}

/** What is wrong with a certificate of our own and its key, given the name of the key's variable. */
export function pairFault(cert: string, key: string, now = new Date()): ((keyVariable: string) => string) | undefined {
  const own = parsed(() => new X509Certificate(cert))
  const privateKey = privateKeyOf(key)
  if (own === undefined || privateKey === undefined) return undefined // reported of each by itself
  if (!own.checkPrivateKey(privateKey)) return (keyVariable) => `does not belong to the key in ${keyVariable}`
  if (new Date(own.validTo) < now) return () => `the certificate expired on ${new Date(own.validTo).toISOString()}`
  return undefined
}

const privateKeyOf = (pem: string): KeyObject | undefined => parsed(() => createPrivateKey(pem))

/** What OpenSSL says of a text that it cannot read helps nobody, and may hold some of it. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Error) return undefined
    throw error
  }
}

/** The settings of a connection, by the names under which a person knows them. */
export interface TlsSettingNames {
  /** The address, which the certificate has to be for. */
  readonly address: string
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** What turns TLS on. */
  readonly tls: string
}

type Explain = (names: TlsSettingNames) => string

/** By the codes of Node and OpenSSL, and what gRPC's library in the worker says instead. */
const EXPLANATIONS: readonly (readonly [pattern: RegExp, explain: Explain])[] = [
  [
    /^CERT_HAS_EXPIRED$|certificate (has )?expired|\bExpired\b/,
    ({ address }) => `the certificate of the server in ${address} has expired`,
  ],
  [/^CERT_NOT_YET_VALID$/, ({ address }) => `the certificate of the server in ${address} is not valid yet`],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$|NotValidForName/,
    ({ address }) => `the certificate of the server is not for the host in ${address}`,
  ],
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA)$|UnknownIssuer/,
    ({ address, ca }) =>
      `the certificate of the server in ${address} is signed by an unknown authority: set ${ca} to the certificate of the authority`,
  ],
  [
    // Servers word alike that there is none, and that it is not to be trusted.
    /^ERR_SSL_\S*ALERT_(BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)$|CertificateRequired/,
    ({ cert, key }) => `the server requires a client certificate that it trusts: set ${cert} and ${key}`,
  ],
  [
    /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/,
    ({ address, tls }) => `the server in ${address} does not use TLS on this port: check ${tls}`,
  ],
]

const MAX_CAUSES = 8

/**
 * What a failure of TLS means and which setting it is about, for a person.
 * @returns undefined when neither the error nor one of its causes is of TLS
 */
export function explainTls(error: unknown, names: TlsSettingNames): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth += 1) {
    const code: unknown = Reflect.get(at, 'code')
    const texts = [typeof code === 'string' ? code : '', at.message]
    const found = EXPLANATIONS.find(([pattern]) => texts.some((text) => pattern.test(text)))
    if (found !== undefined) return found[1](names)
  }
  return undefined
}
