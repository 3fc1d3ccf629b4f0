import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { tickTimeOf } from '../../domain/detection/tick.js'
import { TOPICS } from '../../domain/events.js'
import { LARGE_STATE_ENV } from '../../platform/large-state.js'
import { runGuardian, ServiceProcess, waitUntil, type Finished } from './child-process.js'
import { administer, createMigratedCopy } from './migrated-copy.js'
import { readTopics } from './dump-topic.js'
import type { OracleFates, OracleRow } from './run-oracle.js'
import { deleteTopics, logEnds, type LogEnds } from './stage-topics.js'

export interface StageServers {
  readonly databaseUrl: string
  readonly kafkaBrokers: string
  readonly schemaRegistryUrl: string
}

/** Rules with other thresholds than those that the product comes with, as version 2. */
export interface StageRules {
  readonly highFrequency: readonly [number, number, number]
  readonly botLike: readonly [number, number, number, number]
}

const COLUMNS = `a.session_id, a.user_id, a.rule_id, a.rule_version,
  (extract(epoch FROM a.window_start) * 1000)::float8 AS window_start, (extract(epoch FROM a.window_end) * 1000)::float8 AS window_end,
  a.event_count, a.distinct_items, a.status, a.topic, a.kafka_partition, a.first_offset::float8, a.last_offset::float8,
  a.as_of_offset::float8, round(extract(epoch FROM a.produced_ts) * 1000)::float8 AS produced_ts,
  round(extract(epoch FROM a.kafka_ts) * 1000)::float8 AS kafka_ts`

/**
 * Empty topics and an empty database on real servers, and the product's own processes to act on them. Every stage has
 * a database of its own; the topics are made anew, so that stages on one Kafka follow one another.
 */
export class DetectionStage {
  readonly servers: StageServers
  readonly #folder: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #databases: string[] = []
  readonly #processes: ServiceProcess[] = []
  #pool: pg.Pool | undefined
  #databaseUrl = ''
  #hasTopics = false

  private constructor(servers: StageServers, folder: string, settings: Readonly<Record<string, string>>) {
    this.servers = servers
    this.#folder = folder
    this.#settings = settings
  }

  /** @param settings variables that every process of the stage is given, such as how topics are to be made */
  static async open(servers: StageServers, settings: Readonly<Record<string, string>> = {}): Promise<DetectionStage> {
    const stage = new DetectionStage(servers, await mkdtemp(join(tmpdir(), 'guardian-stage-')), settings)
    await deleteTopics(stage.brokers)
    await stage.freshDatabase()
    return stage
  }

  get brokers(): string[] {
    return this.servers.kafkaBrokers.split(',')
  }

  get db(): pg.Pool {
    if (!this.#pool) throw new Error('the stage has no database')
    return this.#pool
  }

  /** A path in a folder that is deleted with the stage. */
  file(name: string): string {
    return join(this.#folder, name)
  }

  get env(): Record<string, string> {
    return {
      DATABASE_URL: this.#databaseUrl,
      KAFKA_BROKERS: this.servers.kafkaBrokers,
      SCHEMA_REGISTRY_URL: this.servers.schemaRegistryUrl,
      GUARDIAN_DATA_DIR: this.#folder,
      SCHEMA_REGISTRY_TIMEOUT_MS: '30000',
      ARCHIVE_URL: `file://${this.archiveFolder}`,
      ...this.#settings,
    }
  }

  /** Goes on with an empty database: the same log is to be decided once more. */
  async freshDatabase(rules?: StageRules): Promise<void> {
    await this.#pool?.end()
    const name = `guardian_test_${randomBytes(6).toString('hex')}`
    await createMigratedCopy(this.servers.databaseUrl, name)
    this.#databases.push(name)
    const url = new URL(this.servers.databaseUrl)
    url.pathname = `/${name}`
    this.#databaseUrl = url.toString()
    this.#pool = new pg.Pool({ connectionString: this.#databaseUrl, max: 2 })
    this.#pool.on('error', () => undefined) // the server ends idle connections when the database is dropped
    if (!this.#hasTopics) await this.#setUp()
    if (rules) await this.#useRules(rules)
  }

  /** Makes the topics, and all else that is not there. */
  async #setUp(): Promise<void> {
    await waitUntil(
      () => 'guardian setup',
      60_000,
      async () => {
        const setup = await this.guardian(['setup', '--json'])
        // A topic that is being deleted cannot be created yet. After a suite has killed PostgreSQL, the registry answers
        // 500 until it has found out about each connection that it had.
        if (setup.code !== 0 && !/topic|registry answered 5/i.test(setup.stderr)) throw new Error(setup.stderr)
        return setup.code === 0
      },
    )
    // What reads or writes next must find the leaders of topics that were only just made.
    await waitUntil(
      () => 'the topics have their leaders',
      30_000,
      () =>
        this.logEnds().then(
          () => true,
          () => false,
        ),
    )
    this.#hasTopics = true
  }

  /** Makes the topics anew; the database still knows the old ones. */
  async recreateTopics(): Promise<void> {
    await deleteTopics(this.brokers)
    await this.#setUp()
  }

  /** Goes on with an empty log and an empty database. */
  async freshTopics(): Promise<void> {
    await deleteTopics(this.brokers)
    this.#hasTopics = false
    await this.freshDatabase()
  }

  guardian(args: readonly string[], stdin?: Buffer): Promise<Finished> {
    return runGuardian(args, this.env, stdin)
  }

  /** Runs a command that must succeed. @returns its JSON document */
  async ask<T>(args: readonly string[], stdin?: Buffer): Promise<T> {
    const { code, stdout, stderr } = await this.guardian([...args, '--json'], stdin)
    if (code !== 0) throw new Error(`guardian ${args.join(' ')} ended with code ${String(code)}: ${stderr}`)
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T
  }

  /** @param root the folder whose dist/ is run; the product as it is when none is said */
  startDetector(settings: Record<string, string> = {}, root?: string): ServiceProcess {
    const env = {
      ...LARGE_STATE_ENV,
      ...this.env,
      DETECTOR_METRICS_PORT: '0',
      DETECTOR_GROUP_ID: `stage-${randomBytes(6).toString('hex')}`,
      CHECKPOINT_INTERVAL_MS: '200',
      // A tick between a dump of the log and the look at the rows would make the two differ.
      IDLE_TICK_INTERVAL_MS: '0',
      ...settings,
    }
    const detector = new ServiceProcess('workers/detector/main.js', env, root)
    this.#processes.push(detector)
    return detector
  }

  /** Its files go to the stage's folder; small fetches and rolls make many of them. */
  startArchiver(settings: Record<string, string> = {}): ServiceProcess {
    const env = {
      ...this.env,
      ARCHIVER_METRICS_PORT: '0',
      ARCHIVER_GROUP_ID: `stage-${randomBytes(6).toString('hex')}`,
      ARCHIVE_ROLL_INTERVAL_MS: '300',
      // However quick the machine is, a day has files that can be put together.
      ARCHIVE_ROLL_RECORDS: '1000',
      ...settings,
    }
    const archiver = new ServiceProcess('workers/archiver/main.js', env)
    this.#processes.push(archiver)
    return archiver
  }

  /** On the Temporal of the test stack, in whatever namespace and queues that has. */
  startOrchestrator(temporalAddress: string, settings: Record<string, string> = {}, root?: string): ServiceProcess {
    const env = { ...this.env, TEMPORAL_ADDRESS: temporalAddress, ORCHESTRATOR_METRICS_PORT: '0', ...settings }
    const orchestrator = new ServiceProcess('workers/orchestrator/main.js', env, root)
    this.#processes.push(orchestrator)
    return orchestrator
  }

  /** Where the archive of the stage's database is. */
  get archiveFolder(): string {
    return this.file(`archive-${this.#databases.length}`)
  }

  /** Records of the log that the manifest has passed. */
  async archived(): Promise<number> {
    const { rows } = await this.db.query<{ n: string }>(
      'SELECT coalesce(sum(c.next_offset), 0) AS n FROM archive_checkpoints c',
    )
    return Number(rows[0]?.n)
  }

  logEnds(): Promise<LogEnds> {
    return logEnds(this.brokers)
  }

  /** Records of the log that checkpoints have passed. */
  async processed(): Promise<number> {
    const { rows } = await this.db.query<{ n: string }>(
      'SELECT coalesce(sum(c.next_offset), 0) AS n FROM detector_checkpoints c',
    )
    return Number(rows[0]?.n)
  }

  /** The ticks of the log. */
  async ticks(): Promise<{ partition: number; offset: number }[]> {
    return (await readTopics(this.brokers, [TOPICS.clicks])).filter(
      ({ value }) => value !== null && tickTimeOf(Buffer.from(value, 'base64')) !== undefined,
    )
  }

  /** Where each partition stands. */
  async positions(): Promise<string[]> {
    const { rows } = await this.db.query<{ position: string }>(
      `SELECT format('%s/%s at %s', c.topic, c.kafka_partition, c.next_offset) AS position
         FROM detector_checkpoints c ORDER BY c.topic, c.kafka_partition`,
    )
    return rows.map(({ position }) => position)
  }

  /** Waits until every record of the log is behind a checkpoint, then stops the detector in order. */
  async finish(detector: ServiceProcess, ends: LogEnds, deadlineMs = 120_000): Promise<void> {
    const total = [...ends.values()].reduce((a, b) => a + b, 0)
    let processed = 0
    const what = () =>
      `${processed} of ${total} records are behind a checkpoint; the detector said:\n${detector.output}`
    await waitUntil(what, deadlineMs, async () => {
      if (!detector.isRunning) throw new Error(`the detector has ended:\n${detector.output}`)
      processed = await this.processed()
      // One that has said nothing yet, because its predecessor had done it all, cannot be asked to stop in order.
      return processed >= total && detector.output !== ''
    })
    await detector.stop()
  }

  /** The anomalies, without the columns that are of the wall clock, in the oracle's order. @param db for another search path */
  async rows(db: Pick<pg.ClientBase, 'query'> = this.db): Promise<OracleRow[]> {
    const { rows } = await db.query<OracleRow>(
      `SELECT ${COLUMNS} FROM anomaly_sessions a
        ORDER BY a.topic, a.window_start, a.session_id COLLATE "C", a.rule_id COLLATE "C"`,
    )
    return rows
  }

  /** The evidence of each anomaly, in the same order. */
  async evidence(): Promise<unknown[]> {
    const { rows } = await this.db.query<{ evidence: unknown }>(
      `SELECT a.evidence FROM anomaly_sessions a
        ORDER BY a.topic, a.window_start, a.session_id COLLATE "C", a.rule_id COLLATE "C"`,
    )
    return rows.map(({ evidence }) => evidence)
  }

  async fates(): Promise<OracleFates[]> {
    const { rows } = await this.db.query<OracleFates>(
      `SELECT c.topic, c.kafka_partition AS partition, c.accepted::float8, c.duplicate::float8, c.late::float8, c.dead::float8
         FROM detector_checkpoints c WHERE c.next_offset > 0 ORDER BY c.topic COLLATE "C", c.kafka_partition`,
    )
    return rows
  }

  /** Kills whatever of it still runs. */
  async endProcesses(): Promise<void> {
    for (const process of this.#processes) if (process.isRunning) await process.kill()
  }

  async close(): Promise<void> {
    await this.endProcesses()
    await this.#pool?.end()
    for (const name of this.#databases) await administer(this.servers.databaseUrl, `DROP DATABASE ${name} WITH (FORCE)`)
    await rm(this.#folder, { recursive: true })
  }

  async #useRules({ highFrequency, botLike }: StageRules): Promise<void> {
    const parameters = ([windowMs, slideMs, minEvents]: readonly number[]) => ({ windowMs, slideMs, minEvents })
    await this.db.query("UPDATE rules SET state = 'retired'")
    await this.db.query(
      `INSERT INTO rules (rule_id, version, kind, state, parameters)
       VALUES ('HIGH_FREQUENCY', 2, 'HIGH_FREQUENCY', 'active', $1), ('BOT_LIKE', 2, 'BOT_LIKE', 'active', $2)`,
      [parameters(highFrequency), { ...parameters(botLike), maxDistinctItems: botLike[3] }],
    )
  }
}
