import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError, loadConfig, VARIABLES, type VariableName } from '../../../platform/config.js'
import { overlay } from '../../../platform/env.js'
import { REGISTRY_CONNECTION_VARIABLES } from '../../../platform/avro/registry-connection.js'
import { KAFKA_CONNECTION_VARIABLES } from '../../../platform/kafka/connection.js'
import { TEMPORAL_CONNECTION_VARIABLES } from '../../../platform/temporal-connection.js'
import { FILE_VARIABLES, SECRET_VARIABLES } from '../../../platform/variable-text.js'
import { LOCAL_VARIABLES } from '../../../deploy/local/stack-settings.js'
import { certificates, type Certificates } from '../../support/secured/certificates.js'

const CANARY = 'canary-5d1c'

function faultsOf(names: readonly VariableName[], env: Record<string, string>): string {
  try {
    loadConfig(names, env)
    return ''
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    assert.ok(!`${error.message}${error.stack ?? ''}`.includes(CANARY), error.message)
    return error.faults.join('\n')
  }
}

describe('the settings of connections', function () {
  this.timeout(20_000)
  const dir = mkdtempSync(join(tmpdir(), 'guardian-variables-'))
  let pki: Certificates
  before(() => {
    pki = certificates(dir)
  })
  after(() => rmSync(dir, { recursive: true }))

  const file = (text: string, mode = 0o600): string => {
    const path = join(dir, `value-${mode.toString(8)}`)
    rmSync(path, { force: true })
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }

  describe('in files', () => {
    it('are read without the line feed at the end, whoever else may read a certificate', () => {
      assert.deepEqual(loadConfig(['TEMPORAL_API_KEY'], { TEMPORAL_API_KEY_FILE: file(`${CANARY}\n`) }), {
        TEMPORAL_API_KEY: CANARY,
      })
      const ca = loadConfig(['KAFKA_TLS_CA'], { KAFKA_TLS_CA_FILE: file(pki.ca.cert, 0o644) })
      assert.equal(ca.KAFKA_TLS_CA, pki.ca.cert.trimEnd())
      loadConfig(['TEMPORAL_API_KEY'], { TEMPORAL_API_KEY_FILE: file(CANARY, 0o640) })
    })

    it('are refused when they are set twice, empty, too large, not there, or open to everybody', () => {
      const folder = join(dir, 'folder')
      mkdirSync(folder, { mode: 0o700 })
      for (const name of FILE_VARIABLES) {
        if (!Object.hasOwn(VARIABLES, name)) continue
        const one = [name as VariableName]
        const of = (path: string, more = {}) => faultsOf(one, { [`${name}_FILE`]: path, ...more })
        assert.match(of(file(CANARY), { [name]: CANARY }), new RegExp(`^${name}_FILE: set together with ${name}`))
        assert.equal(of(join(dir, 'nowhere')), `${name}_FILE: cannot be read (ENOENT)`)
        assert.equal(of(folder), `${name}_FILE: cannot be read (EISDIR)`)
        assert.equal(of(file('\n')), `${name}_FILE: an empty file`)
        assert.equal(of(file('x'.repeat(65_537))), `${name}_FILE: larger than 65536 bytes`)
        if (SECRET_VARIABLES.includes(name)) assert.match(of(file(CANARY, 0o604)), /readable by every user/)
      }
    })

    it('stand in for variables that are read, and for no others', () => {
      const known = [...Object.keys(VARIABLES), ...LOCAL_VARIABLES]
      assert.deepEqual(
        [...FILE_VARIABLES].filter((name) => !known.includes(name)),
        [],
      )
      assert.equal(loadConfig(['PORT'], { PORT_FILE: '/nowhere' }).PORT, 8_000)
    })

    it('take the place of the variable of a lower layer, and it of theirs', () => {
      assert.deepEqual(overlay({ SMTP_URL: 'a', PORT: '1' }, { SMTP_URL_FILE: 'b' }), { PORT: '1', SMTP_URL_FILE: 'b' })
      assert.deepEqual(overlay({ SMTP_URL_FILE: 'a' }, { SMTP_URL: 'b' }), { SMTP_URL: 'b' })
    })
  })

  it('refuse a user and a password in a URL that does not read them, and say where they belong', () => {
    const withLogin = `https://user:${CANARY}@host.example/path`
    assert.equal(
      faultsOf(['SCHEMA_REGISTRY_URL'], { SCHEMA_REGISTRY_URL: withLogin }),
      'SCHEMA_REGISTRY_URL: contains a user or a password; set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
    )
    const others = ['S3_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'TEMPORAL_UI_URL', 'ALERT_BASE_URL'] as const
    for (const name of [...others, 'SLACK_WEBHOOK_URL', 'KAFKA_OAUTH_TOKEN_URL'] as const)
      assert.match(faultsOf([name], { [name]: withLogin }), new RegExp(`^${name}: contains a user or a password`))
    for (const [name, value] of [
      ['KAFKA_BROKERS', `user:${CANARY}@host:9092`],
      ['KAFKA_BROKERS', `${CANARY}@host:9092`],
      ['TEMPORAL_ADDRESS', `${CANARY}@host:7233`],
      ['DATABASE_URL', `postgres://user:${CANARY}#@host/d`],
      ['SMTP_URL', `smtp://user:${CANARY}@mail?debug=true`],
    ] as const)
      assert.match(faultsOf([name], { [name]: value }), new RegExp(`^${name}: `))
  })

  it('of Kafka fit each other', () => {
    const faults = (env: Record<string, string>) =>
      faultsOf(KAFKA_CONNECTION_VARIABLES, { KAFKA_BROKERS: 'h:9092', ...env })
    const secured = { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL' }
    const login = { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: CANARY }
    const scram = { ...secured, KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' }
    assert.equal(faults({}), '')
    assert.equal(faults({ ...scram, ...login }), '')
    assert.match(faults({ ...login }), /KAFKA_SASL_USERNAME: is not used without KAFKA_SECURITY_PROTOCOL=SASL/)
    assert.match(faults({ KAFKA_TLS_CA: pki.ca.cert }), /KAFKA_TLS_CA: is not used without/)
    assert.match(faults({ ...secured, ...login }), /KAFKA_SASL_MECHANISM: missing/)
    assert.match(faults({ ...scram }), /KAFKA_SASL_USERNAME: missing.*\nKAFKA_SASL_PASSWORD: missing/)
    assert.match(
      faults({ ...secured, KAFKA_SASL_MECHANISM: 'OAUTHBEARER', ...login }),
      /KAFKA_OAUTH_TOKEN_URL: missing/,
    )
    const tls = { KAFKA_SECURITY_PROTOCOL: 'SSL' }
    assert.match(
      faults({ ...tls, KAFKA_TLS_CERT: pki.client.cert }),
      /KAFKA_TLS_KEY: missing, a client certificate needs/,
    )
    assert.match(
      faults({ ...tls, KAFKA_TLS_CERT: pki.client.cert, KAFKA_TLS_KEY: pki.server.key }),
      /does not belong to the key/,
    )
    assert.match(
      faults({ ...tls, KAFKA_TLS_CERT: pki.expired.cert, KAFKA_TLS_KEY: pki.expired.key }),
      /KAFKA_TLS_CERT: the certificate expired on/,
    )
    assert.match(faults({ ...tls, KAFKA_TLS_CA: CANARY }), /KAFKA_TLS_CA: holds no PEM certificate/)
    assert.match(faults({ ...tls, KAFKA_TLS_KEY: pki.client.cert }), /KAFKA_TLS_KEY: holds no PEM private key/)
  })

  it('of the registry and of Temporal fit each other', () => {
    const registry = (env: Record<string, string>) =>
      faultsOf(REGISTRY_CONNECTION_VARIABLES, { SCHEMA_REGISTRY_URL: 'https://h', ...env })
    assert.equal(registry({ SCHEMA_REGISTRY_TOKEN: CANARY }), '')
    assert.match(registry({ SCHEMA_REGISTRY_USERNAME: 'u' }), /SCHEMA_REGISTRY_PASSWORD: missing/)
    const both = { SCHEMA_REGISTRY_USERNAME: 'u', SCHEMA_REGISTRY_PASSWORD: CANARY, SCHEMA_REGISTRY_TOKEN: CANARY }
    assert.match(registry(both), /SCHEMA_REGISTRY_TOKEN: set together with/)
    assert.match(
      registry({ SCHEMA_REGISTRY_URL: 'http://h', SCHEMA_REGISTRY_TLS_CA: pki.ca.cert }),
      /SCHEMA_REGISTRY_TLS_CA: is not used without an https URL/,
    )
    const temporal = (env: Record<string, string>) =>
      faultsOf(TEMPORAL_CONNECTION_VARIABLES, { TEMPORAL_ADDRESS: 'h:7233', ...env })
    assert.equal(temporal({ TEMPORAL_TLS: 'yes', TEMPORAL_API_KEY: CANARY }), '')
    assert.match(temporal({ TEMPORAL_API_KEY: CANARY }), /TEMPORAL_API_KEY: is not used without TEMPORAL_TLS=yes/)
    assert.match(temporal({ TEMPORAL_TLS: 'yes', TEMPORAL_TLS_KEY: pki.client.key }), /TEMPORAL_TLS_CERT: missing/)
  })

  it('of PostgreSQL are those of libpq in the URL, and its files are checked', () => {
    const faults = (params: string) =>
      faultsOf(['DATABASE_URL'], { DATABASE_URL: `postgres://u:${CANARY}@h/d${params}` })
    const paths = pki.write()
    assert.equal(faults(''), '')
    for (const mode of ['disable', 'require', 'verify-full']) assert.equal(faults(`?sslmode=${mode}`), '')
    assert.equal(faults(`?sslmode=verify-ca&sslrootcert=${paths.ca}`), '')
    assert.equal(faults(`?sslmode=require&sslcert=${paths.clientCert}&sslkey=${paths.clientKey}`), '')
    assert.match(faults('?sslmode=prefer'), /sslmode is not one of disable, require, verify-ca, verify-full/)
    assert.match(faults('?sslmode=verify-ca'), /sslmode=verify-ca needs sslrootcert/)
    assert.match(faults('?ssl=true'), /ssl is not supported: use sslmode/)
    assert.match(faults(`?sslrootcert=${paths.ca}`), /sslrootcert without an sslmode/)
    assert.match(faults('?sslmode=verify-full&sslrootcert=/nowhere'), /sslrootcert: cannot be read \(ENOENT\)/)
    assert.match(faults(`?sslmode=require&sslcert=${paths.clientCert}`), /sslcert and sslkey are only used together/)
    const open = file(pki.client.key, 0o644)
    assert.match(
      faults(`?sslmode=require&sslcert=${paths.clientCert}&sslkey=${open}`),
      /sslkey: readable by every user/,
    )
  })
})
