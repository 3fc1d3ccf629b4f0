import { Gauge, Histogram, type Registry } from '../../platform/metrics.js'
import type { RecordBatch } from '../../platform/kafka/consumer.js'
import type { ArchiveWrite } from '../../db/stores/archive.js'
import { backlog, counter, gauge, type Backlog } from '../metric-series.js'
import { PartitionLag } from '../detector/partition-lag.js'
import type { BatchFigures, PartitionArchive } from './partition-archive.js'

/** Why a batch is put back. */
export type HoldReason = 'rolling' | 'outage' | 'schema'

const PARTITION = ['topic', 'partition'] as const
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const seriesOf = (registry: Registry, observe: () => void) => ({
  rows: counter(registry, 'archived_rows_total', 'Events taken into the archive', PARTITION),
  partial: counter(registry, 'archived_partial_total', 'Of them, events with a field that could not be read'),
  invalid: counter(registry, 'archive_skipped_total', 'Records that are no valid events', ['code']),
  files: counter(registry, 'archive_files_total', 'Files named in the manifest'),
  bytes: counter(registry, 'archive_bytes_total', 'Bytes of those files'),
  rollSeconds: new Histogram({
    registers: [registry],
    name: 'guardian_archive_roll_seconds',
    help: 'One roll of one partition: files written and named',
    buckets: SECONDS,
  }),
  rollFailures: counter(registry, 'archive_roll_failures_total', 'Rolls that are tried again'),
  fenced: counter(registry, 'fenced_total', 'Partitions found to belong to another owner'),
  held: counter(registry, 'held_total', 'Batches put back', ['reason']),
  lag: new Gauge({
    registers: [registry],
    name: 'guardian_lag_records',
    help: 'Records not taken in yet',
    labelNames: PARTITION,
    collect: observe,
  }),
  lagSeconds: gauge(registry, 'lag_seconds', 'Since Kafka got the next record that is not taken in', PARTITION),
})

/** The archiver's own metrics. Labels are topics, partitions and closed lists. */
export class ArchiverMetrics {
  readonly #series: ReturnType<typeof seriesOf>
  readonly #lags = new Map<PartitionArchive, PartitionLag>()

  constructor(registry: Registry, buffered: Backlog) {
    this.#series = seriesOf(registry, () => this.#observeLags())
    backlog(registry, 'archive_buffered_bytes', 'Record bytes that wait for their roll', buffered)
  }

  fetched(owner: PartitionArchive, batch: RecordBatch): void {
    let lag = this.#lags.get(owner)
    if (!lag) this.#lags.set(owner, (lag = new PartitionLag()))
    const next = batch.records.find(({ offset }) => Number(offset) >= owner.nextOffset)
    if (next) lag.fetched(owner.nextOffset, Number(next.timestamp), batch.highWatermark, Date.now())
  }

  taken(owner: PartitionArchive, batch: RecordBatch, { archived, partial, invalid }: BatchFigures): void {
    this.#series.rows.inc({ topic: owner.topic, partition: owner.partition }, archived)
    if (partial > 0) this.#series.partial.inc(partial)
    for (const code of invalid) this.#series.invalid.inc({ code })
    const last = batch.records.at(-1)
    if (last) this.#lags.get(owner)?.processed(owner.nextOffset, Number(last.timestamp), Date.now())
  }

  rolled({ files }: ArchiveWrite, seconds: number): void {
    this.#series.files.inc(files.length)
    this.#series.bytes.inc(files.reduce((sum, { bytes }) => sum + bytes, 0))
    this.#series.rollSeconds.observe(seconds)
  }

  rollFailed(): void {
    this.#series.rollFailures.inc()
  }

  fenced(): void {
    this.#series.fenced.inc()
  }

  held(reason: HoldReason): void {
    this.#series.held.inc({ reason })
  }

  /** A partition that has gone to another process has no lag here. */
  forget(owner: PartitionArchive): void {
    const labels = { topic: owner.topic, partition: owner.partition }
    this.#lags.delete(owner)
    this.#series.lag.remove(labels)
    this.#series.lagSeconds.remove(labels)
  }

  #observeLags(): void {
    const nowMs = Date.now()
    for (const [{ topic, partition }, lag] of this.#lags) {
      this.#series.lag.set({ topic, partition }, lag.records)
      this.#series.lagSeconds.set({ topic, partition }, lag.seconds(nowMs))
    }
  }
}
