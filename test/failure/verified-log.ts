import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TOPICS } from '../../domain/events.js'
import { DetectionStage } from '../support/detection-stage.js'
import { dumpTopics, readTopics } from '../support/dump-topic.js'
import {
  runOracle,
  type DumpedRecord,
  type OracleOptions,
  type OracleReport,
  type OracleRow,
} from '../support/run-oracle.js'
import { testStack } from '../support/stack.js'
import { waitUntil, type ServiceProcess } from '../support/child-process.js'
import type { LogEnds } from '../support/stage-topics.js'

/** Small fetches and frequent checkpoints, so that there is time for a fault to come while there is work left. */
export const SLOWLY = {
  FETCH_MAX_BYTES: '131072',
  FETCH_MAX_BYTES_PER_PARTITION: '32768',
  CHECKPOINT_INTERVAL_MS: '100',
  KAFKA_SESSION_TIMEOUT_MS: '2000',
} as const

const DUMP = 'dump.jsonl'

/** The log of quick runs: rows that have the same one do not make it again. */
export const QUICK_EVENTS = 30_000

/** Events a second of event time: enough for bots, scrapers and busy people to meet. */
const EVENTS_PER_SECOND = 200

type DetectorSettings = Pick<OracleOptions, 'latenessMs' | 'maxRecordBytes'>

/** A log of a simulated shop, with what the oracle says that must come of it. The log stays; databases come and go. */
export class VerifiedLog {
  readonly stage: DetectionStage
  readonly oracle: OracleReport
  readonly ends: LogEnds
  readonly records: number
  readonly #options: OracleOptions

  private constructor(stage: DetectionStage, oracle: OracleReport, ends: LogEnds, options: OracleOptions) {
    this.stage = stage
    this.oracle = oracle
    this.ends = ends
    this.records = [...ends.values()].reduce((a, b) => a + b, 0)
    this.#options = options
  }

  /**
   * The log of these numbers, made anew or kept from the row before.
   * @param liveSeconds how long traffic of now follows, in which clients may be minutes fast
   */
  static async open(events: number, seed: number, liveSeconds = 0): Promise<VerifiedLog> {
    const key = [events, seed, liveSeconds].join()
    if (kept?.key === key && (await kept.log.#isStillThere())) return kept.log
    await VerifiedLog.closeKept()
    const log = await VerifiedLog.#make(events, seed, liveSeconds)
    kept = { key, log }
    return log
  }

  /** Closes the log that is kept for the next row, if there is one. */
  static async closeKept(): Promise<void> {
    const last = kept
    kept = undefined
    await last?.log.close()
  }

  /**
   * Simulates a day's traffic with disorder, repeats, late and malformed records, and asks the oracle about it.
   */
  static async #make(events: number, seed: number, liveSeconds: number): Promise<VerifiedLog> {
    const stage = await DetectionStage.open(await testStack('postgres', 'kafka', 'registry'))
    try {
      const duration = `${Math.max(100, Math.round(events / EVENTS_PER_SECOND))}s`
      await stage.ask([
        ...['simulate', '--day', '2026-01-10', '--events', String(events)],
        ...['--duration', duration, '--seed', String(seed)],
      ])
      const live = ['--duration', `${liveSeconds}s`, '--rate', '800', '--seed', String(seed)]
      if (liveSeconds > 0) await stage.ask(['simulate', '--live', ...live])
      return await VerifiedLog.of(stage)
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  /**
   * Asks the oracle about the log that a stage has.
   * @param settings what the stage's detectors are given, when it is not the default
   * @throws when the log gives no anomaly to compare
   */
  static async of(stage: DetectionStage, settings: DetectorSettings = {}): Promise<VerifiedLog> {
    const { schemas } = await stage.ask<{ schemas: { subject: string; id: number }[] }>(['setup'])
    const idOf = (topic: string) => schemas.find(({ subject }) => subject === `${topic}-value`)?.id ?? 0
    const ends = await stage.logEnds()
    await dumpTopics(stage.file(DUMP), stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    const options: OracleOptions = {
      schemas: { [idOf(TOPICS.clicks)]: 'click', [idOf(TOPICS.purchases)]: 'purchase' },
      ...settings,
    }
    const oracle = await runOracle(stage.file(DUMP), options)
    if (oracle.rows.length === 0) throw new Error('the log gives no anomaly: nothing could differ')
    return new VerifiedLog(stage, oracle, ends, options)
  }

  /** What the oracle says of the same log when some of its records had never been sent; offsets stay as they are. */
  async oracleWithout(isLeftOut: (record: DumpedRecord) => boolean): Promise<OracleReport> {
    const lines = createInterface({ input: createReadStream(this.stage.file(DUMP)) })
    const kept = async function* () {
      for await (const line of lines) if (!isLeftOut(JSON.parse(line) as DumpedRecord)) yield `${line}\n`
    }
    await pipeline(Readable.from(kept()), createWriteStream(this.stage.file(`kept-${DUMP}`)))
    return runOracle(this.stage.file(`kept-${DUMP}`), this.#options)
  }

  /** What the database says otherwise than the oracle, a line each; empty when all is the same. */
  async differences(): Promise<string[]> {
    const rows = differencesOf('row', await this.stage.rows(), this.oracle.rows, rowKey)
    const fates = this.oracle.fates.filter(({ accepted, duplicate, late, dead }) => accepted + duplicate + late + dead)
    return [
      ...rows,
      ...differencesOf('fates', await this.stage.fates(), fates, ({ topic, partition }) => `${topic}/${partition}`),
    ]
  }

  /** Late records and dead letters of the log that are not in their topic, or are there and should not be. */
  async sideDifferences(): Promise<string[]> {
    const { stage, oracle } = this
    const sides = [
      { topic: TOPICS.deadLetters, records: oracle.dead, origin: '__connect.errors' },
      { topic: TOPICS.late, records: oracle.late, origin: 'guardian.origin' },
    ]
    const lines: string[] = []
    for (const { topic, records, origin } of sides) {
      const places = new Set(records.map(placeOf))
      const missing = new Set(places)
      for (const copy of await readTopics(stage.brokers, [topic])) {
        const [from, partition, offset] = ['topic', 'partition', 'offset'].map((name) =>
          Buffer.from(copy.headers[`${origin}.${name}`]?.at(-1) ?? '', 'base64').toString(),
        )
        const place = `${from}/${partition}@${offset}`
        // A repeat after a fault is allowed: the origin headers tell it.
        missing.delete(place)
        if (!places.has(place)) lines.push(`${topic} has ${place}, which should not be there`)
      }
      for (const place of missing) lines.push(`${topic} lacks ${place}`)
    }
    return lines
  }

  /**
   * Waits until checkpoints have passed so many records.
   * @throws with its log when a detector that should run has ended
   */
  async passes(records: number, detectors: readonly ServiceProcess[], deadlineMs = 120_000): Promise<number> {
    let processed = 0
    const said = () => `${processed} of ${records} records:\n${detectors.map(({ output }) => output).join('\n')}`
    await waitUntil(
      said,
      deadlineMs,
      async () => {
        const ended = detectors.find((detector) => !detector.isRunning)
        if (ended) throw new Error(`a detector has ended by itself:\n${ended.output}`)
        return (processed = await this.stage.processed()) >= records
      },
      2,
    )
    return processed
  }

  /** Whether no row has made the topics anew since. */
  async #isStillThere(): Promise<boolean> {
    const ends = await this.stage.logEnds().catch(() => new Map<string, number>())
    return JSON.stringify([...ends]) === JSON.stringify([...this.ends])
  }

  /** Ends what runs on it. What `open` gave is kept: making a log and asking the oracle takes longer than many rows. */
  close(): Promise<void> {
    return kept?.log === this ? this.stage.endProcesses() : this.stage.close()
  }
}

let kept: { readonly key: string; readonly log: VerifiedLog } | undefined

const placeOf = (record: { readonly topic: string; readonly partition: number; readonly offset: number }): string =>
  `${record.topic}/${record.partition}@${record.offset}`

/** Tells one row of a log from all others. */
export const rowKey = (row: OracleRow): string =>
  `${row.topic} ${row.window_start} ${row.session_id} ${row.rule_id} v${row.rule_version}`

/** What is there and what should be, compared one by one; a line for each that differs. */
export function differencesOf<T extends object>(
  what: string,
  found: readonly T[],
  expected: readonly T[],
  keyOf: (item: T) => string,
): string[] {
  const text = (item: T) => JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
  const rest = new Map(found.map((item) => [keyOf(item), text(item)]))
  const lines: string[] = []
  if (rest.size !== found.length) lines.push(`${what}: ${found.length - rest.size} are there twice`)
  for (const item of expected) {
    const key = keyOf(item)
    const other = rest.get(key)
    rest.delete(key)
    if (other === undefined) lines.push(`${what} ${key} is missing`)
    else if (other !== text(item)) lines.push(`${what} ${key} is ${other}, should be ${text(item)}`)
  }
  for (const key of rest.keys()) lines.push(`${what} ${key} should not be`)
  return lines
}
