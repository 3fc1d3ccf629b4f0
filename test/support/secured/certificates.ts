import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Pair {
  /** Both in PEM. */
  readonly cert: string
  readonly key: string
}

/** The certificates of one test run, made by openssl for it; no key is kept anywhere. */
export interface Certificates {
  /** The authority that the tests trust. */
  readonly ca: Pair
  /** One that nobody trusts. */
  readonly otherCa: Pair
  /** For 127.0.0.1 and secured.test: a server reached as `localhost` has the wrong host. */
  readonly server: Pair
  readonly client: Pair
  /** Of the authority, and expired in 2021. */
  readonly expired: Pair
  /** Of a client whom nobody trusts. */
  readonly stranger: Pair
  /** Files of what URLs name by its path. */
  write(): CertificateFiles
}

export interface CertificateFiles {
  readonly ca: string
  readonly otherCa: string
  readonly serverCert: string
  readonly serverKey: string
  readonly expiredCert: string
  readonly expiredKey: string
  readonly clientCert: string
  readonly clientKey: string
}

const SERVER_NAMES = 'subjectAltName=IP:127.0.0.1,DNS:secured.test'

/** Makes them. `openssl ca` alone of its tools in all releases takes the dates of a certificate. */
export function certificates(parent: string): Certificates {
  const dir = join(parent, 'pki')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const made = { ca: authority(dir, 'ca'), otherCa: authority(dir, 'other-ca') }
  const all = {
    ...made,
    server: signed(dir, 'ca', 'server', { extensions: SERVER_NAMES }),
    client: signed(dir, 'ca', 'guardian'),
    expired: signed(dir, 'ca', 'expired', { extensions: SERVER_NAMES, endsAt: '20210101000000Z' }),
    stranger: signed(dir, 'other-ca', 'stranger'),
  }
  const path = (name: string) => join(dir, name)
  const files: CertificateFiles = {
    ca: path('ca.crt'),
    otherCa: path('other-ca.crt'),
    serverCert: path('server.crt'),
    serverKey: path('server.key'),
    expiredCert: path('expired.crt'),
    expiredKey: path('expired.key'),
    clientCert: path('guardian.crt'),
    clientKey: path('guardian.key'),
  }
  return { ...all, write: () => files }
}

const openssl = (dir: string, ...args: string[]): void => {
  execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function authority(dir: string, name: string): Pair {
  const subject = ['-subj', `/CN=${name} of a test`]
  openssl(dir, 'req', '-x509', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '2', ...subject)
  return pairOf(dir, name)
}

function signed(dir: string, ca: string, name: string, of: { extensions?: string; endsAt?: string } = {}): Pair {
  openssl(dir, 'req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(join(dir, 'index.txt'), '')
  const config = [
    '[ca]\ndefault_ca=one\n[one]\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=extensions',
    '[any]\ncommonName=supplied\n[extensions]\nbasicConstraints=CA:FALSE',
    of.extensions ?? '',
  ]
  writeFileSync(join(dir, 'ca.cnf'), `${config.join('\n')}\n`)
  const dates = of.endsAt === undefined ? ['-days', '2'] : ['-startdate', '20200101000000Z', '-enddate', of.endsAt]
  const by = ['-cert', `${ca}.crt`, '-keyfile', `${ca}.key`, '-outdir', '.', '-notext', '-batch']
  openssl(dir, 'ca', '-config', 'ca.cnf', '-in', `${name}.csr`, '-out', `${name}.crt`, ...by, ...dates)
  return pairOf(dir, name)
}

const pairOf = (dir: string, name: string): Pair => ({
  cert: readFileSync(join(dir, `${name}.crt`), 'utf8'),
  key: readFileSync(join(dir, `${name}.key`), 'utf8'),
})
