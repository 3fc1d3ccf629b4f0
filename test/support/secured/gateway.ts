import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalFault } from '../../../deploy/local/local-fault.js'
import { ManagedProcess } from '../../../deploy/local/managed-process.js'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { runCommand } from '../../../deploy/local/run-command.js'
import { STOP_RANK, serverEnv, type ServerContext } from '../../../deploy/local/server-context.js'
import type { Certificates } from './certificates.js'

export interface GatewayLogins {
  /** Of the user `guardian`, of the registry. */
  readonly password: string
  readonly token: string
  /** Temporal's. */
  readonly apiKey: string
}

/** nginx before the registry and Temporal, which have neither TLS nor logins of their own here. */
export interface Gateway {
  /** Roots of the registry's Confluent API, by what they require. */
  readonly registry: Readonly<Record<'basic' | 'bearer' | 'mtls' | 'expired' | 'wrongHost' | 'plainBasic', string>>
  /** host:port: with a client certificate and an API key, with the key alone, with an expired certificate, by a wrong name. */
  readonly temporal: Readonly<Record<'mtls' | 'key' | 'expired' | 'wrongHost', string>>
  stop(): Promise<void>
}

const NAMES = [
  'basic',
  'bearer',
  'mtls',
  'expired',
  'plainBasic',
  'temporalMtls',
  'temporalKey',
  'temporalExpired',
] as const
type Ports = Readonly<Record<(typeof NAMES)[number], number>>

/** @throws LocalFault when nginx is not installed */
export async function startGateway(
  context: ServerContext,
  servers: { readonly schemaRegistryUrl: string; readonly temporalAddress: string },
  pki: Certificates,
  logins: GatewayLogins,
): Promise<Gateway> {
  const home = join(context.dataDir, 'gateway')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const free = await findFreePorts(NAMES.length)
  const ports = Object.fromEntries(NAMES.map((name, i) => [name, free[i] ?? 0])) as Ports
  writeFileSync(join(home, 'users'), `guardian:{PLAIN}${logins.password}\n`, { mode: 0o600 })
  const config = join(home, 'nginx.conf')
  writeFileSync(config, configuration(home, servers, pki, logins, ports), { mode: 0o600 })
  chmodSync(home, 0o700)
  const command = await nginxCommand(context)
  const url = new URL(servers.schemaRegistryUrl)
  const gateway = new ManagedProcess(
    {
      name: 'gateway',
      command,
      args: ['-p', home, '-c', config, '-e', join(home, 'error.log')],
      env: serverEnv(context.env),
      logFile: join(context.dataDir, 'logs', 'gateway.log'),
      stopSignal: 'SIGTERM',
      stopBoundMs: 10_000,
      readyBoundMs: 20_000,
      rank: STOP_RANK.process,
      isReady: () =>
        fetch(`http://127.0.0.1:${ports.plainBasic}/`).then(
          ({ status }) => status === 401,
          () => false,
        ),
    },
    context.keeper,
  )
  await gateway.start()
  const root = (port: number, scheme = 'https', host = '127.0.0.1') => `${scheme}://${host}:${port}${url.pathname}`
  return {
    registry: {
      basic: root(ports.basic),
      bearer: root(ports.bearer),
      mtls: root(ports.mtls),
      expired: root(ports.expired),
      wrongHost: root(ports.bearer, 'https', 'localhost'),
      plainBasic: root(ports.plainBasic, 'http'),
    },
    temporal: {
      mtls: `127.0.0.1:${ports.temporalMtls}`,
      key: `127.0.0.1:${ports.temporalKey}`,
      expired: `127.0.0.1:${ports.temporalExpired}`,
      wrongHost: `localhost:${ports.temporalMtls}`,
    },
    stop: () => gateway.stop(),
  }
}

async function nginxCommand(context: ServerContext): Promise<string> {
  const env = { ...serverEnv(context.env), PATH: `${context.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` }
  try {
    const { stdout } = await runCommand({ command: 'sh', args: ['-c', 'command -v nginx'], env, boundMs: 10_000 })
    return stdout.trim()
  } catch (cause) {
    throw new LocalFault('nginx is not installed; these tests need it', 'apt-get install nginx-light', { cause })
  }
}

function configuration(
  home: string,
  { schemaRegistryUrl, temporalAddress }: { readonly schemaRegistryUrl: string; readonly temporalAddress: string },
  pki: Certificates,
  { token, apiKey }: GatewayLogins,
  ports: Ports,
): string {
  const files = pki.write()
  const tls = `ssl_certificate ${files.serverCert}; ssl_certificate_key ${files.serverKey};`
  const expired = `ssl_certificate ${files.expiredCert}; ssl_certificate_key ${files.expiredKey};`
  const clients = `ssl_client_certificate ${files.ca}; ssl_verify_client on;`
  const basic = `auth_basic guardian; auth_basic_user_file ${join(home, 'users')};`
  // A refusal repeats what it was sent: no client may print it.
  const bearer = (text: string) =>
    `if ($http_authorization != "Bearer ${text}") { return 401 "not allowed: $http_authorization"; }`
  const registry = (listen: string, rules: string) =>
    `server { listen 127.0.0.1:${listen}; ${rules} location / { proxy_pass ${new URL(schemaRegistryUrl).origin}; } }`
  const temporal = (port: number, rules: string) =>
    `server { listen 127.0.0.1:${port} ssl http2; ${rules} keepalive_requests 1000000; client_max_body_size 0;
      location / { ${bearer(apiKey)} grpc_pass grpc://${temporalAddress}; grpc_read_timeout 1h; grpc_send_timeout 1h; } }`
  return `
    daemon off; worker_processes 1; pid ${join(home, 'pid')};
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 512; }
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(home, name)};`).join('\n')}
      ${registry(`${ports.basic} ssl`, tls + basic)}
      ${registry(`${ports.bearer} ssl`, tls + bearer(token))}
      ${registry(`${ports.mtls} ssl`, tls + clients)}
      ${registry(`${ports.expired} ssl`, expired)}
      ${registry(String(ports.plainBasic), basic)}
      ${temporal(ports.temporalMtls, tls + clients)}
      ${temporal(ports.temporalKey, tls)}
      ${temporal(ports.temporalExpired, expired)}
    }`
}
