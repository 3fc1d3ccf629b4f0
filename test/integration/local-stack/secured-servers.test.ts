import assert from 'node:assert/strict'
import { createLogins } from '../../../db/create-logins.js'
import { openPool } from '../../../db/pool.js'
import { RegistryClient } from '../../../platform/avro/registry-client.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../../../platform/avro/registry-connection.js'
import { loadConfig } from '../../../platform/config.js'
import { withAdmin } from '../../../platform/kafka/admin.js'
import { createKafka } from '../../../platform/kafka/client.js'
import { KAFKA_CONNECTION_VARIABLES, kafkaConnection } from '../../../platform/kafka/connection.js'
import { createLogger } from '../../../platform/logger.js'
import { TEMPORAL_CONNECTION_VARIABLES, temporalConnection } from '../../../platform/temporal-connection.js'
import { withTemporal } from '../../../cli/with-temporal.js'
import { lazyTemporal } from '../../../api/wire-temporal.js'
import { connectTemporal } from '../../../workers/orchestrator/temporal-connection.js'
import { waitUntil } from '../../support/child-process.js'
import { refusal, useSecuredServers, without, type SecuredServers } from '../../support/secured/secured-stage.js'
import { quietTemporal } from '../../support/temporal-client.js'

type Env = Record<string, string>

describe('secured servers', function () {
  this.timeout(30_000)
  const log = createLogger('test', 'fatal')
  const servers = useSecuredServers()

  const refused = (connect: () => Promise<unknown>) => refusal(connect, servers().canaries)

  /** @param rows what is wrong, the environment, and what the refusal has to say */
  async function refusals(connect: (env: Env) => Promise<unknown>, rows: readonly (readonly [string, Env, RegExp])[]) {
    for (const [what, env, says] of rows) {
      const line = await refused(() => connect(env))
      assert.match(line, says, `${what}: ${line}`)
    }
  }

  describe('Kafka', () => {
    const topics = (env: Env) => {
      const connection = kafkaConnection(loadConfig(KAFKA_CONNECTION_VARIABLES, env))
      const kafka = createKafka({ ...connection, clientId: 'test', requestTimeoutMs: 5_000, retries: 0 }, log)
      return withAdmin(kafka, (admin) => admin.listTopics())
    }
    const tls = ({ kafka, files }: SecuredServers, more: Env = {}): Env => ({
      ...{ KAFKA_BROKERS: kafka.sasl, KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_TLS_CA_FILE: files.ca },
      ...more,
    })
    const login = (mechanism: string, more: Env = {}): Env =>
      tls(servers(), {
        ...{ KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: 'guardian' },
        ...{ KAFKA_SASL_PASSWORD: servers().canaries.kafkaPassword, ...more },
      })
    const oauth = (more: Env = {}): Env =>
      tls(servers(), {
        ...{ KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_OAUTH_TOKEN_URL: servers().tokens.url },
        ...{ KAFKA_OAUTH_CLIENT_ID: 'guardian', KAFKA_OAUTH_CLIENT_SECRET: servers().canaries.oauthSecret },
        ...{ KAFKA_OAUTH_SCOPE: 'clickstream', ...more },
      })
    const mtls = (more: Env = {}): Env => ({
      ...{ KAFKA_BROKERS: servers().kafka.mtls, KAFKA_SECURITY_PROTOCOL: 'SSL' },
      ...{ KAFKA_TLS_CA_FILE: servers().files.ca, ...more },
    })

    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
      it(`lets in by ${mechanism}, and refuses a wrong password`, async () => {
        assert.ok(Array.isArray(await topics(login(mechanism))))
        const wrong = login(mechanism, { KAFKA_SASL_PASSWORD: 'canary-wrong-password' })
        assert.match(
          await refused(() => topics(wrong)),
          /refused the login: check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD/,
        )
      })

    it('lets in by OAUTHBEARER with a token of the endpoint, which several connections share', async () => {
      const before = servers().tokens.given()
      const connection = kafkaConnection(loadConfig(KAFKA_CONNECTION_VARIABLES, oauth()))
      const kafka = createKafka({ ...connection, clientId: 'test', requestTimeoutMs: 5_000, retries: 0 }, log)
      for (let i = 0; i < 3; i += 1) await withAdmin(kafka, (admin) => admin.listTopics())
      assert.equal(servers().tokens.given() - before, 1)
      await refusals(topics, [
        [
          'wrong secret',
          oauth({ KAFKA_OAUTH_CLIENT_SECRET: 'canary-wrong' }),
          /check KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET/,
        ],
        ['no scope', oauth({ KAFKA_OAUTH_SCOPE: 'other' }), /does not accept the token from KAFKA_OAUTH_TOKEN_URL/],
        [
          'nobody there',
          oauth({ KAFKA_OAUTH_TOKEN_URL: 'http://127.0.0.1:1/' }),
          /KAFKA_OAUTH_TOKEN_URL did not answer/,
        ],
      ])
    })

    it('lets in by a client certificate', async () => {
      const { clientCert: KAFKA_TLS_CERT_FILE, clientKey: KAFKA_TLS_KEY_FILE } = servers().files
      assert.ok(Array.isArray(await topics(mtls({ KAFKA_TLS_CERT_FILE, KAFKA_TLS_KEY_FILE }))))
    })

    it('is refused, and refuses, with the setting that is wrong', async () => {
      const { kafka, pki, files } = servers()
      await refusals(topics, [
        [
          'unknown authority',
          login('PLAIN', { KAFKA_TLS_CA_FILE: files.otherCa }),
          /unknown authority: set KAFKA_TLS_CA/,
        ],
        ['expired', login('PLAIN', { KAFKA_BROKERS: kafka.expired }), /KAFKA_BROKERS has expired/],
        ['wrong host', login('PLAIN', { KAFKA_BROKERS: kafka.wrongHost }), /not for the host in KAFKA_BROKERS/],
        ['no certificate', mtls(), /client certificate that it trusts: set KAFKA_TLS_CERT and KAFKA_TLS_KEY/],
        ['stranger', mtls({ KAFKA_TLS_CERT: pki.stranger.cert, KAFKA_TLS_KEY: pki.stranger.key }), /KAFKA_TLS_CERT/],
      ])
    })
  })

  describe('the schema registry', () => {
    const subjects = (env: Env) =>
      new RegistryClient(registrySettings(loadConfig(REGISTRY_CONNECTION_VARIABLES, env))).subjects()
    const at = (which: keyof SecuredServers['gateway']['registry'], more: Env = {}): Env => ({
      SCHEMA_REGISTRY_URL: servers().gateway.registry[which],
      ...(which === 'plainBasic' ? {} : { SCHEMA_REGISTRY_TLS_CA_FILE: servers().files.ca }),
      ...more,
    })
    const basic = (password: string): Env => ({
      SCHEMA_REGISTRY_USERNAME: 'guardian',
      SCHEMA_REGISTRY_PASSWORD: password,
    })

    it('lets in by a password, a token or a client certificate', async () => {
      const { canaries, files } = servers()
      const own = { SCHEMA_REGISTRY_TLS_CERT_FILE: files.clientCert, SCHEMA_REGISTRY_TLS_KEY_FILE: files.clientKey }
      for (const env of [
        at('basic', basic(canaries.registryPassword)),
        at('plainBasic', basic(canaries.registryPassword)),
        at('bearer', { SCHEMA_REGISTRY_TOKEN: canaries.registryToken }),
        at('mtls', own),
      ])
        assert.ok(Array.isArray(await subjects(env)))
    })

    it('is refused, and refuses, with the setting that is wrong', async () => {
      const { canaries, files } = servers()
      const token = { SCHEMA_REGISTRY_TOKEN: canaries.registryToken }
      await refusals(subjects, [
        [
          'wrong password',
          at('basic', basic('canary-wrong')),
          /\(401\): check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD/,
        ],
        [
          'wrong token',
          at('bearer', { SCHEMA_REGISTRY_TOKEN: 'canary-wrong' }),
          /\(401\): check SCHEMA_REGISTRY_TOKEN/,
        ],
        ['no login', at('basic'), /\(401\): set SCHEMA_REGISTRY_USERNAME/],
        ['no certificate', at('mtls'), /client certificate: set SCHEMA_REGISTRY_TLS_CERT and SCHEMA_REGISTRY_TLS_KEY/],
        [
          'unknown authority',
          at('bearer', { ...token, SCHEMA_REGISTRY_TLS_CA_FILE: files.otherCa }),
          /set SCHEMA_REGISTRY_TLS_CA/,
        ],
        ['expired', at('expired', token), /SCHEMA_REGISTRY_URL has expired/],
        ['wrong host', at('wrongHost', token), /not for the host in SCHEMA_REGISTRY_URL/],
      ])
    })
  })

  describe('PostgreSQL', () => {
    const connected = async (env: Env) => {
      const { DATABASE_URL: url } = loadConfig(['DATABASE_URL'], env)
      const ms = { connectTimeoutMs: 5_000, statementTimeoutMs: 5_000, lockTimeoutMs: 5_000 }
      const pool = await openPool({ url, max: 1, ...ms, applicationName: 'test' }, log)
      try {
        const sql = 'SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()'
        return (await pool.value.query<{ ssl: boolean }>(sql)).rows[0]?.ssl
      } finally {
        await pool.stop()
      }
    }
    const at = (params: string, database = servers().tlsDatabase): Env => ({
      DATABASE_URL: `${database.url}?${params}`,
    })
    const withHost = (host: string, env: Env): Env => {
      const url = new URL(env['DATABASE_URL'] ?? '')
      url.hostname = host
      return { DATABASE_URL: url.href }
    }

    it('is reached with what each sslmode checks, and no more', async () => {
      const { ca, otherCa, clientCert, clientKey } = servers().files
      assert.equal(await connected(at('sslmode=require')), true)
      assert.equal(await connected(withHost('localhost', at(`sslmode=verify-ca&sslrootcert=${ca}`))), true)
      assert.equal(await connected(at(`sslmode=verify-full&sslrootcert=${ca}`)), true)
      const own = `sslmode=verify-full&sslrootcert=${ca}&sslcert=${clientCert}&sslkey=${clientKey}`
      assert.equal(await connected(at(own, servers().certifiedDatabase)), true)
      await refusals(connected, [
        ['no TLS', at('sslmode=disable'), /requires TLS: set sslmode in DATABASE_URL|check sslmode/],
        ['system authorities', at('sslmode=verify-full'), /unknown authority: set sslrootcert in DATABASE_URL/],
        ['require checks a given authority', at(`sslmode=require&sslrootcert=${otherCa}`), /unknown authority/],
        ['unknown authority', at(`sslmode=verify-ca&sslrootcert=${otherCa}`), /unknown authority/],
        [
          'wrong host',
          withHost('localhost', at(`sslmode=verify-full&sslrootcert=${ca}`)),
          /not for the host in DATABASE_URL/,
        ],
        [
          'no certificate',
          at(`sslmode=verify-full&sslrootcert=${ca}`, servers().certifiedDatabase),
          /set sslcert and sslkey/,
        ],
      ])
    })

    it('is refused with an expired certificate', async () => {
      const { postgres, files } = servers()
      await postgres.show('expired')
      try {
        const env = at(`sslmode=verify-full&sslrootcert=${files.ca}`)
        // The server takes a new certificate a moment after it was asked to.
        await waitUntil(
          () => 'it is shown',
          5_000,
          () =>
            connected(env).then(
              () => false,
              () => true,
            ),
        )
        assert.match(await refused(() => connected(env)), /DATABASE_URL has expired/)
      } finally {
        await postgres.show('server')
      }
    })

    it('names the setting when the password is wrong, also where logins are made', async () => {
      const url = new URL(at('sslmode=require')['DATABASE_URL'] ?? '')
      url.password = 'canary-wrong-password'
      const env = { DATABASE_URL: url.href }
      for (const connect of [() => connected(env), () => createLogins(url.href, {} as never, 5_000)]) {
        const line = await refused(connect)
        assert.match(line, /check the user and the password in DATABASE_URL/)
        assert.ok(!line.includes('canary-wrong-password'))
      }
    })
  })

  describe('Temporal', () => {
    before(quietTemporal)
    const settings = (env: Env) => temporalConnection(loadConfig(TEMPORAL_CONNECTION_VARIABLES, env))
    const secured = (more: Env = {}): Env => ({
      ...{ TEMPORAL_ADDRESS: servers().gateway.temporal.mtls, TEMPORAL_TLS: 'yes' },
      ...{ TEMPORAL_TLS_CA_FILE: servers().files.ca, TEMPORAL_API_KEY: servers().canaries.temporalApiKey },
      ...{ TEMPORAL_TLS_CERT_FILE: servers().files.clientCert, TEMPORAL_TLS_KEY_FILE: servers().files.clientKey },
      ...more,
    })
    const byClient = (env: Env) => withTemporal({ env }, ({ workflowService }) => workflowService.getSystemInfo({}))
    const byWorker = async (env: Env) => {
      const { stop } = await connectTemporal({ ...settings(env), attempts: 1, pauseMs: 0 }, log)
      await stop()
    }

    it('lets in command line, API and worker by certificate and API key', async () => {
      await byClient(secured())
      await byWorker(secured())
      const api = lazyTemporal(settings(secured()))
      await api.value.workflowService.getSystemInfo({}).finally(() => api.stop())
      const byName = {
        TEMPORAL_ADDRESS: servers().gateway.temporal.wrongHost,
        TEMPORAL_TLS_SERVER_NAME: 'secured.test',
      }
      await byWorker(secured(byName))
      await byClient(secured(byName))
    })

    it('is refused, and refuses, with the setting that is wrong', async () => {
      const { gateway, files } = servers()
      const withoutOwn = without(secured(), 'TEMPORAL_TLS_CERT_FILE', 'TEMPORAL_TLS_KEY_FILE')
      const withoutKey = without(secured(), 'TEMPORAL_API_KEY')
      const logins: readonly (readonly [string, Env, RegExp])[] = [
        ['wrong key', secured({ TEMPORAL_API_KEY: 'canary-wrong' }), /refused the login: check TEMPORAL_API_KEY/],
        ['no key', withoutKey, /refused the login: TEMPORAL_API_KEY is not set/],
        ['no certificate', withoutOwn, /client certificate: set TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY/],
      ]
      const { expired, wrongHost } = gateway.temporal
      const unknown = secured({ TEMPORAL_TLS_CA_FILE: files.otherCa })
      const authority = ['unknown authority', unknown, /unknown authority: set TEMPORAL_TLS_CA/] as const
      // The client of command line and API does not give up on TLS before its time is up: one such case shows it.
      await refusals(byClient, [...logins, authority])
      await refusals(byWorker, [
        ...logins,
        authority,
        ['expired', secured({ TEMPORAL_ADDRESS: expired }), /TEMPORAL_ADDRESS has expired/],
        ['wrong host', secured({ TEMPORAL_ADDRESS: wrongHost }), /not for the host in TEMPORAL_ADDRESS/],
      ])
    })
  })
})
