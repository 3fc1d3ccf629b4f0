import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LARGE_STATE_ENV } from '../../../platform/large-state.js'
import { findFreePorts } from '../../../deploy/local/ports.js'
import { runGuardian, ServiceProcess, waitUntil, type Finished } from '../../support/child-process.js'
import { useSecuredServers, without } from '../../support/secured/secured-stage.js'
import { openTestPool } from '../../support/test-pool.js'

type Env = Record<string, string>

const ADMIN_KEY = 'Canary-admin_0123456789-abcdefghijklmno'
const CANARIES = {
  slack: 'https://hooks.example.test/services/T000/B000/canary-of-slack',
  smtp: 'canary-of-the-mail',
  s3: 'canary-of-s3-secret',
  s3Key: 'canary-of-s3-key-id',
}

const SERVERS = ['PostgreSQL', 'Kafka', 'schema registry', 'Temporal']

/** One burst of a person who is none: 120 clicks in 12 seconds. */
const clicks = (): Buffer => {
  const now = Date.now() - 20_000
  const line = (i: number) => {
    const time = new Date(now + i * 100).toISOString()
    const [day = '', clock = ''] = time.split('T')
    const month = new Date(time).toLocaleString('en', { month: 'short', timeZone: 'UTC' })
    const stamp = `${day.slice(8)}/${month}/${day.slice(0, 4)}:${clock.slice(0, 8)} +0000`
    return `192.0.2.7 - - [${stamp}] "GET /item/${i % 2} HTTP/1.1" 200 512 "-" "curl/8.5.0"\n`
  }
  return Buffer.from(Array.from({ length: 120 }, (_, i) => line(i)).join(''))
}

describe('the product on secured servers', function () {
  this.timeout(120_000)
  const servers = useSecuredServers()
  const dir = mkdtempSync(join(tmpdir(), 'guardian-secured-'))
  const processes: ServiceProcess[] = []
  const said: string[] = []
  let env: Env = {}
  let ports: readonly number[] = []

  before(async () => {
    const { canaries, kafka, gateway, files, file, tlsDatabase } = servers()
    ports = await findFreePorts(5)
    const [api, apiMetrics, detector, archiver, orchestrator] = ports.map(String) as [
      string,
      string,
      string,
      string,
      string,
    ]
    env = {
      ...LARGE_STATE_ENV,
      GUARDIAN_DATA_DIR: dir,
      LOG_LEVEL: 'trace',
      DATABASE_URL_FILE: file('database-url', `${tlsDatabase.url}?sslmode=verify-full&sslrootcert=${files.ca}`),
      KAFKA_BROKERS: kafka.sasl,
      KAFKA_PARTITIONS: '1',
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_TLS_CA_FILE: files.ca,
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'guardian',
      KAFKA_SASL_PASSWORD_FILE: file('kafka-password', canaries.kafkaPassword),
      SCHEMA_REGISTRY_URL: gateway.registry.basic,
      SCHEMA_REGISTRY_USERNAME: 'guardian',
      SCHEMA_REGISTRY_PASSWORD_FILE: file('registry-password', canaries.registryPassword),
      SCHEMA_REGISTRY_TLS_CA_FILE: files.ca,
      SCHEMA_REGISTRY_TIMEOUT_MS: '20000',
      TEMPORAL_ADDRESS: gateway.temporal.mtls,
      TEMPORAL_TLS: 'yes',
      TEMPORAL_TLS_CA_FILE: files.ca,
      TEMPORAL_TLS_CERT_FILE: files.clientCert,
      TEMPORAL_TLS_KEY_FILE: files.clientKey,
      TEMPORAL_API_KEY: canaries.temporalApiKey,
      SLACK_WEBHOOK_URL: CANARIES.slack,
      SMTP_URL: `smtp://guardian:${CANARIES.smtp}@mail.example.test:587`,
      ALERT_EMAIL_FROM: 'guardian@shop.example',
      ALERT_EMAIL_TO: 'on-call@shop.example',
      S3_ACCESS_KEY_ID: CANARIES.s3Key,
      S3_SECRET_ACCESS_KEY: CANARIES.s3,
      GUARDIAN_ADMIN_KEY: ADMIN_KEY,
      ARCHIVE_URL: `file://${join(dir, 'archive')}`,
      CHECKPOINT_INTERVAL_MS: '1000',
      ARCHIVE_ROLL_INTERVAL_MS: '1000',
      ...{ PORT: api, API_METRICS_PORT: apiMetrics, DETECTOR_METRICS_PORT: detector },
      ...{ ARCHIVER_METRICS_PORT: archiver, ORCHESTRATOR_METRICS_PORT: orchestrator },
    }
  })
  after(async () => {
    await Promise.all(processes.map((one) => one.kill()))
    rmSync(dir, { recursive: true, force: true })
  })

  /** Every secret that a process of the test has. */
  const secrets = (): string[] => [
    ...Object.values(servers().canaries),
    ...[CANARIES.smtp, CANARIES.s3, CANARIES.s3Key, 'canary-of-slack', ADMIN_KEY],
    new URL(servers().tlsDatabase.url).password,
    servers().pki.client.key.split('\n')[1] ?? '',
  ]

  function holdsNone(text: string, where: string): void {
    for (const secret of secrets())
      for (const form of [
        secret,
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      ])
        assert.ok(!text.includes(form), `${where} holds a credential`)
  }

  async function guardian(args: readonly string[], more: Env = {}, stdin?: Buffer): Promise<Finished> {
    const finished = await runGuardian(args, { ...env, ...more }, stdin)
    said.push(finished.stdout, finished.stderr)
    holdsNone(`${finished.stdout}${finished.stderr}`, args.join(' '))
    return finished
  }

  it('is set up, and found complete', async () => {
    const setup = await guardian(['setup', '--json'])
    assert.equal(setup.code, 0, setup.stderr)
    let checks: { name: string; state: string; found: string }[] = []
    const isComplete = async () => {
      const { stdout } = await guardian(['doctor', '--json'])
      checks = (JSON.parse(stdout) as { checks: typeof checks }).checks
      const states = SERVERS.map((server) => checks.find(({ name }) => name === server)?.state)
      return states.every((state) => state === 'ok')
    }
    // It gives each server two seconds, which a machine that is busy with other tests may not have.
    await waitUntil(() => JSON.stringify(checks), 60_000, isComplete)
  })

  it('detects, archives and answers, with every process, and writes no credential anywhere', async () => {
    for (const script of [
      'workers/detector/main.js',
      'workers/archiver/main.js',
      'workers/orchestrator/main.js',
      'api/main.js',
    ])
      processes.push(new ServiceProcess(script, env))
    const ingested = await guardian(['ingest', '-', '--json'], {}, clicks())
    assert.equal(ingested.code, 0, ingested.stderr)
    const pool = await openTestPool(servers().tlsDatabase.url + '?sslmode=require')
    const count = async (sql: string) => (await pool.value.query<{ n: number }>(sql)).rows[0]?.n ?? 0
    try {
      const state = () => processes.map((one) => one.output.slice(-600)).join('\n')
      await waitUntil(state, 60_000, async () => (await count('SELECT count(*) AS n FROM anomaly_sessions a')) > 0, 200)
      await waitUntil(state, 60_000, async () => (await count('SELECT count(*) AS n FROM archive_files f')) > 0, 200)
    } finally {
      await pool.stop()
    }
    const started = (text: string) => processes.some((one) => one.log.includes(text))
    await waitUntil(
      () => 'the orchestrator starts',
      60_000,
      () => Promise.resolve(started('orchestrator_started')),
    )
    const headers = { authorization: `Bearer ${ADMIN_KEY}` }
    const [port = 0] = ports
    for (const path of ['/health', '/anomalies', '/stats', '/schedules']) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
      const text = await answer.text()
      if (path !== '/schedules') assert.equal(answer.status, 200, `${path}: ${text}`)
      holdsNone(text, path)
    }
    for (const one of ports.slice(1))
      holdsNone(await (await fetch(`http://127.0.0.1:${one}/metrics`)).text(), 'metrics')
    for (const one of processes) holdsNone(one.log, 'a log')
    assert.ok(processes.every((one) => one.isRunning))
  })

  it('says which login is wrong, and never the login', async () => {
    const wrong = 'canary-wrong-secret'
    const others = without(env, 'KAFKA_SASL_PASSWORD_FILE', 'SCHEMA_REGISTRY_PASSWORD_FILE')
    const bad: Env = { ...others, KAFKA_SASL_PASSWORD: wrong, SCHEMA_REGISTRY_PASSWORD: wrong, TEMPORAL_API_KEY: wrong }
    const { stdout } = await runGuardian(['doctor', '--json'], bad)
    const setup = await runGuardian(['setup'], bad)
    const detector = new ServiceProcess('workers/detector/main.js', {
      ...bad,
      DETECTOR_METRICS_PORT: '0',
      DETECTOR_GROUP_ID: 'bad',
    })
    processes.push(detector)
    assert.notEqual(await detector.exited, 0)
    for (const [text, where] of [
      [stdout, 'doctor'],
      [setup.stderr, 'setup'],
      [detector.log, 'detector'],
    ] as const) {
      assert.match(text, /KAFKA_SASL_PASSWORD/, where)
      assert.ok(!text.includes(wrong), where)
    }
    assert.match(stdout, /check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD/)
    assert.match(stdout, /check TEMPORAL_API_KEY/)
    const inUrl = {
      ...others,
      SCHEMA_REGISTRY_URL: `http://user:${wrong}@127.0.0.1:1`,
      DATABASE_URL: `postgres://u:${wrong}@127.0.0.1:1/d`,
    }
    const refused = await runGuardian(['setup'], inUrl)
    assert.match(refused.stderr, /SCHEMA_REGISTRY_URL: contains a user or a password/)
    const report = await runGuardian(['doctor', '--json'], inUrl)
    assert.ok(![refused.stderr, report.stdout, report.stderr].some((text) => text.includes(wrong)))
  })
})
