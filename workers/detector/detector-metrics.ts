import { FATES } from '../../domain/detection/fate.js'
import type { Displaced } from '../../domain/detection/minute-counts.js'
import type { Collisions, Counts } from '../../domain/detection/partition-detector.js'
import type { DataGap } from '../../db/stores/checkpoints.js'
import { Gauge, Histogram, type Registry } from '../../platform/metrics.js'
import type { FetchedBatches } from '../../platform/kafka/consumer.js'
import type { PackedBatch } from '../../platform/kafka/record-set.js'
import { backlog, counter, gauge, type Backlog } from '../metric-series.js'
import type { MisplacedSource } from './misplacement.js'
import { PartitionLag } from './partition-lag.js'
import type { Stall } from './progress.js'
import type { PartitionOwner } from './partition-owner.js'

const PARTITION = ['topic', 'partition'] as const
/** Producers with a series of their own; those beyond are one, `other`. */
const MAX_SOURCE_LABELS = 20
const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

const seconds = (registry: Registry, name: string, help: string) =>
  new Histogram({ registers: [registry], name: `guardian_${name}`, help, buckets: SECONDS })

const seriesOf = (registry: Registry, observeLags: () => void) => ({
  records: counter(registry, 'records_total', 'Records by what became of them', [...PARTITION, 'fate']),
  collisions: counter(
    registry,
    'event_collisions_total',
    'Duplicates whose contents differ from those of the first event with their session and id',
    ['topic'],
  ),
  deadLetters: counter(registry, 'dead_letters_total', 'Dead letters by cause', ['code']),
  lag: new Gauge({
    registers: [registry],
    name: 'guardian_lag_records',
    help: 'Records not processed yet',
    labelNames: PARTITION,
    collect: observeLags,
  }),
  lagSeconds: gauge(registry, 'lag_seconds', 'Since Kafka got the next record that is not processed', PARTITION),
  clearSeconds: gauge(registry, 'lag_clear_seconds', 'Time to clear the backlog at the pace of 10 s', PARTITION),
  watermark: gauge(registry, 'watermark_seconds', 'Event time up to which a partition is complete', PARTITION),
  state: gauge(registry, 'state_entries', 'Entries of the detection state', [...PARTITION, 'what']),
  rowsWritten: counter(registry, 'anomaly_rows_written_total', 'Row versions sent to PostgreSQL'),
  writeSeconds: seconds(registry, 'anomaly_write_seconds', 'One write of anomaly rows'),
  writeFailures: counter(registry, 'anomaly_write_failures_total', 'Writes of anomaly rows that are tried again'),
  changesPublished: counter(registry, 'anomaly_changes_published_total', 'Changes of anomalies acknowledged by Kafka'),
  checkpointSeconds: seconds(registry, 'checkpoint_seconds', 'One checkpoint of one partition'),
  checkpointBytes: counter(registry, 'checkpoint_bytes_total', 'State written by checkpoints'),
  checkpointFailures: counter(registry, 'checkpoint_failures_total', 'Checkpoints that are tried again'),
  gaps: counter(registry, 'data_gaps_total', 'Ranges of offsets passed over without reading them', ['cause']),
  gapOffsets: counter(registry, 'data_gap_offsets_total', 'Offsets in those ranges', ['cause']),
  minutes: gauge(
    registry,
    'checkpoint_minutes',
    'Different minutes counted between the last two checkpoints',
    PARTITION,
  ),
  displaced: counter(registry, 'minute_displaced_total', 'Records counted at their log append time', ['reason']),
  stalled: gauge(
    registry,
    'stalled_seconds',
    'Since when a partition with records to read has no checkpoint',
    PARTITION,
  ),
  progressUnknown: counter(registry, 'progress_unknown_total', 'Looks for progress that a server did not answer'),
  ticks: counter(registry, 'ticks_written_total', 'Ticks written to idle partitions', PARTITION),
  misplaced: counter(
    registry,
    'misplaced_records_total',
    'Records that are not on the partition of their session, or have no key',
    ['topic', 'fault', 'source'],
  ),
  fenced: counter(registry, 'fenced_total', 'Partitions found to belong to another owner'),
  held: counter(registry, 'held_total', 'Batches put back because something downstream is full', ['reason']),
})

/** Why a batch is put back. */
export type HoldReason =
  'anomalies' | 'anomaly_changes' | 'side_records' | 'rules' | 'uncommitted' | 'outage' | 'schema'

/** The detector's own metrics. Labels are topics, partitions and closed lists: never an id of a session or a user. */
export class DetectorMetrics {
  readonly #series: ReturnType<typeof seriesOf>
  readonly #sources = new Set<string>()
  readonly #seen = new WeakMap<PartitionOwner, Counts>()
  readonly #lags = new Map<PartitionOwner, PartitionLag>()

  /** @param maxStateBytes what the state of one partition may take */
  constructor(registry: Registry, rows: Backlog, changes: Backlog, maxStateBytes: number) {
    // Time passes while nothing happens, so lag is told when it is asked for.
    this.#series = seriesOf(registry, () => this.#observeLags())
    backlog(registry, 'anomaly_rows_pending', 'Rows that wait for PostgreSQL', rows)
    gauge(registry, 'partition_state_limit_bytes', 'What the state of a partition may take').set(maxStateBytes)
    backlog(registry, 'anomaly_changes_queued', 'Changes of anomalies that wait for Kafka', changes)
  }

  /** A fetch is there, to be decided or put back. */
  fetched(owner: PartitionOwner, { batches, highWatermark }: FetchedBatches): void {
    let lag = this.#lags.get(owner)
    if (!lag) this.#lags.set(owner, (lag = new PartitionLag()))
    const next = batches.find(({ lastOffset }) => lastOffset >= owner.nextOffset)
    if (next) lag.fetched(owner.nextOffset, next.maxTimestamp, highWatermark, Date.now())
  }

  /** A batch has been decided. */
  decided(owner: PartitionOwner, { maxTimestamp }: PackedBatch): void {
    this.#lags.get(owner)?.processed(owner.nextOffset, maxTimestamp, Date.now())
  }

  /** Fates have been given out, of records or of offsets that were passed over. */
  counted(owner: PartitionOwner, deadCodes: readonly string[]): void {
    const labels = { topic: owner.topic, partition: owner.partition }
    const { counts, watermarkMs } = owner.detector
    const seen = this.#seen.get(owner) ?? owner.countsAtTaking
    for (const fate of FATES) {
      const more = counts[fate] - seen[fate]
      if (more > 0) this.#series.records.inc({ ...labels, fate }, more)
    }
    this.#seen.set(owner, { ...counts })
    for (const code of deadCodes) this.#series.deadLetters.inc({ code })
    if (Number.isFinite(watermarkMs)) this.#series.watermark.set(labels, watermarkMs / 1_000)
  }

  collided({ topic }: PartitionOwner, collisions: Collisions | undefined): void {
    if (collisions) this.#series.collisions.inc({ topic }, collisions.events)
  }

  written(rows: number, seconds: number): void {
    this.#series.rowsWritten.inc(rows)
    this.#series.writeSeconds.observe(seconds)
  }

  writeFailed(): void {
    this.#series.writeFailures.inc()
  }

  published(changes: number): void {
    this.#series.changesPublished.inc(changes)
  }

  committed(owner: PartitionOwner, { seconds, pieceBytes }: { seconds: number; pieceBytes: number }): void {
    const labels = { topic: owner.topic, partition: owner.partition }
    const { panes, ids, openWindows } = owner.detector
    this.#series.checkpointSeconds.observe(seconds)
    this.#series.checkpointBytes.inc(pieceBytes)
    this.#series.state.set({ ...labels, what: 'panes' }, panes.paneCount)
    this.#series.state.set({ ...labels, what: 'sessions' }, panes.keyCount)
    this.#series.state.set({ ...labels, what: 'event_ids' }, ids.size)
    this.#series.state.set({ ...labels, what: 'open_windows' }, openWindows.size)
    this.#series.state.set({ ...labels, what: 'bytes' }, owner.detector.stateBytes)
  }

  commitFailed(): void {
    this.#series.checkpointFailures.inc()
  }

  dataGap({ cause, fromOffset, toOffset }: DataGap): void {
    this.#series.gaps.inc({ cause })
    this.#series.gapOffsets.inc({ cause }, toOffset - fromOffset)
  }

  minutesTaken(owner: PartitionOwner, minutes: number, { overflow, tooOld }: Displaced): void {
    this.#series.minutes.set({ topic: owner.topic, partition: owner.partition }, minutes)
    if (overflow > 0) this.#series.displaced.inc({ reason: 'too_many_minutes' }, overflow)
    if (tooOld > 0) this.#series.displaced.inc({ reason: 'too_old' }, tooOld)
  }

  ticked({ topic, partition }: { readonly topic: string; readonly partition: number }): void {
    this.#series.ticks.inc({ topic, partition })
  }

  misplaced({ topic }: PartitionOwner, sources: readonly MisplacedSource[]): void {
    for (const { source, misplaced, keyless } of sources) {
      const label = this.#sources.has(source) || this.#sources.size < MAX_SOURCE_LABELS ? source : 'other'
      this.#sources.add(label)
      if (misplaced > 0) this.#series.misplaced.inc({ topic, fault: 'misplaced', source: label }, misplaced)
      if (keyless > 0) this.#series.misplaced.inc({ topic, fault: 'keyless', source: label }, keyless)
    }
  }

  stalled(stalls: readonly Stall[]): void {
    this.#series.stalled.reset()
    for (const { topic, partition, stalledMs } of stalls)
      this.#series.stalled.set({ topic, partition }, stalledMs / 1_000)
  }

  progressUnknown(): void {
    this.#series.progressUnknown.inc()
  }

  fenced(): void {
    this.#series.fenced.inc()
  }

  held(reason: HoldReason): void {
    this.#series.held.inc({ reason })
  }

  #observeLags(): void {
    const nowMs = Date.now()
    for (const [{ topic, partition }, lag] of this.#lags) {
      const labels = { topic, partition }
      this.#series.lag.set(labels, lag.records)
      this.#series.lagSeconds.set(labels, lag.seconds(nowMs))
      this.#series.clearSeconds.set(labels, lag.secondsToClear(nowMs))
    }
  }

  /** A partition that has gone to another process has no lag here. */
  forget(owner: PartitionOwner): void {
    const labels = { topic: owner.topic, partition: owner.partition }
    this.#lags.delete(owner)
    this.#series.lag.remove(labels)
    this.#series.lagSeconds.remove(labels)
    this.#series.clearSeconds.remove(labels)
    this.#series.watermark.remove(labels)
    this.#series.minutes.remove(labels)
    for (const what of ['panes', 'sessions', 'event_ids', 'open_windows', 'bytes'])
      this.#series.state.remove({ ...labels, what })
  }
}
