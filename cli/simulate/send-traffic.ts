import { setTimeout as delay } from 'node:timers/promises'
import { TOPICS } from '../../domain/events.js'
import type { EventSender, PlacedRecord } from '../event-sender.js'
import { DisturbedTraffic } from './disturbed-traffic.js'
import { hasEventTime, malform } from './malformation.js'
import type { ManifestWriter } from './manifest.js'
import type { PlannedRecord } from './planned-record.js'
import type { Pace, SimulationPlan } from './simulation-options.js'

export interface SendTrafficDeps {
  readonly sender: EventSender
  readonly manifest: ManifestWriter
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Called after each batch. */
  readonly onProgress: (sentAtMs: number) => void
}

const BATCH_RECORDS = 5_000
/** Records that are due within this time go out together. */
const TICK_MS = 15

/**
 * Sends a planned stream until its end or the abort. One batch is under way while the next is made, so that memory
 * does not grow when Kafka is slow.
 * @returns whether the plan's end was reached
 */
export async function sendTraffic(plan: SimulationPlan, deps: SendTrafficDeps): Promise<boolean> {
  const traffic = new DisturbedTraffic(plan.traffic)
  const startedMs = deps.now()
  const clock = { startedMs, eventStartMs: plan.traffic.startMs }
  let underWay: Promise<void> = Promise.resolve()
  const isOver = () => deps.manifest.records >= plan.maxRecords || traffic.nextSendAtMs >= plan.endMs
  while (!isOver() && !deps.signal.aborted) {
    const batch: PlacedRecord[] = []
    const nowMs = deps.now()
    const room = Math.min(BATCH_RECORDS, recordsDue(plan.pace, nowMs - startedMs) - deps.manifest.records)
    while (batch.length < room && !isOver() && isDue(plan.pace, clock, traffic.nextSendAtMs, nowMs))
      batch.push(outgoing(traffic.next(), nowMs, deps))
    if (batch.length === 0) {
      await delay(TICK_MS)
      continue
    }
    await underWay
    underWay = deps.sender.send(batch)
    underWay.catch(() => undefined) // awaited, and thus reported, before the next batch or at the end
    deps.onProgress(traffic.nextSendAtMs)
  }
  await underWay
  return isOver()
}

const recordsDue = (pace: Pace, elapsedMs: number): number =>
  pace.kind === 'records_per_second' ? Math.floor((pace.rate * elapsedMs) / 1_000) : Number.POSITIVE_INFINITY

const isDue = (
  pace: Pace,
  { startedMs, eventStartMs }: { readonly startedMs: number; readonly eventStartMs: number },
  sendAtMs: number,
  nowMs: number,
): boolean => pace.kind !== 'times_event_time' || startedMs + (sendAtMs - eventStartMs) / pace.factor <= nowMs

/** Encodes a record, stamped with the time at which it is sent, and counts it. */
function outgoing(record: PlannedRecord, nowMs: number, { sender, manifest }: SendTrafficDeps): PlacedRecord {
  const { event } = record
  const isPurchase = event.kind === 'purchase'
  const key = isPurchase ? event.purchase.session_id : event.click.session_id
  const topic = isPurchase ? TOPICS.purchases : TOPICS.clicks
  const placed = sender.place(topic, key, valueOf(record, nowMs, sender), eventMsOf(record))
  manifest.count(record, placed.topic, placed.partition)
  return placed
}

/** The event time that the detector can count the record at. */
function eventMsOf({ event, fate }: PlannedRecord): number | undefined {
  if (fate === 'FUTURE_TIMESTAMP' || (event.kind === 'malformed' && !hasEventTime(event.malformation))) return undefined
  return event.kind === 'purchase' ? event.purchase.event_ts : event.click.event_ts
}

function valueOf({ event }: PlannedRecord, nowMs: number, sender: EventSender): Buffer | null {
  if (event.kind === 'purchase') return sender.encodePurchase({ ...event.purchase, ingest_ts: nowMs })
  const click = { ...event.click, ingest_ts: nowMs }
  return event.kind === 'click'
    ? sender.encodeClick(click)
    : malform(event.malformation, click, sender.encodeClick, event.cut)
}
