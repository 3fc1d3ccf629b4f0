import { z } from 'zod'
import { errorBudget, SAMPLES_NEEDED, unreliableReason, type Objective } from '../../domain/slo/error-budget.js'
import { Timestamp, wholeNumber } from './parameters.js'

export const SLO_HOURS_MAX = 720

export const SloQuery = z.strictObject({
  hours: wholeNumber(1, SLO_HOURS_MAX, 24).meta({ description: 'Anomalies first written in the last so many hours' }),
})

const duration = z.number().min(0).nullable()
const StageTimes = z.strictObject({
  stage: z.enum(['produced_to_kafka', 'kafka_to_detected', 'detected_to_written', 'end_to_end']),
  p50_ms: duration,
  p95_ms: duration.meta({ description: `Null below ${SAMPLES_NEEDED.p95} samples` }),
  p99_ms: duration.meta({ description: `Null below ${SAMPLES_NEEDED.p99} samples` }),
})

export const Slo = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    objective: z.strictObject({
      target_ms: z.number(),
      percent: z.number().meta({ description: 'Of the anomalies are written within target_ms of being produced' }),
    }),
    samples: z.int().min(0).meta({ description: 'Anomalies of live events; all other numbers are about these' }),
    backdated: z.int().min(0).meta({
      description:
        'Anomalies left out: their events were taken in longer after they happened than the allowed lateness, as those of an old log are',
    }),
    is_reliable: z.boolean().meta({ description: 'Whether there are samples enough for every percentile' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why percentiles are null', example: 'p99 needs 1,000 samples; there are 412' }),
    stages: z.array(StageTimes),
    budget: z.strictObject({
      allowed: z.number(),
      slow: z.int(),
      left_percent: z.number(),
      burn_rate: z
        .number()
        .nullable()
        .meta({ description: 'Of the last hour; 1: the budget lasts as long as the span' }),
      says: z.string().meta({ example: '43 minutes left; at this rate gone in 6 h' }),
    }),
  })
  .meta({ id: 'Slo', description: 'How long it takes from an event to the anomaly that it gives away' })
export type Slo = z.output<typeof Slo>

type Percentiles = readonly [number, number, number] | null

interface Times {
  readonly samples: number
  readonly backdated: number
  readonly slow: number
  readonly producedToKafka: Percentiles
  readonly kafkaToDetected: Percentiles
  readonly detectedToWritten: Percentiles
  readonly endToEnd: Percentiles
}

/** Reads the times of anomalies that were first written in a span. */
export type ReadStageTimes = (from: Date, to: Date, targetMs: number) => Promise<Times>

const HOUR_MS = 3_600_000

/** The report of the last hours. @throws whatever `read` throws */
export async function sloReport(read: ReadStageTimes, objective: Objective, hours: number, now: Date): Promise<Slo> {
  const ago = (count: number) => new Date(now.getTime() - count * HOUR_MS)
  const [span, lastHour] = await Promise.all([
    read(ago(hours), now, objective.targetMs),
    read(ago(1), now, objective.targetMs),
  ])
  const budget = errorBudget(objective, hours, span, lastHour)
  const reason = unreliableReason(span.samples)
  return {
    from: ago(hours).toISOString(),
    to: now.toISOString(),
    objective: { target_ms: objective.targetMs, percent: objective.percent },
    samples: span.samples,
    backdated: span.backdated,
    is_reliable: reason === null,
    reason,
    stages: [
      stage('produced_to_kafka', span.producedToKafka, span.samples),
      stage('kafka_to_detected', span.kafkaToDetected, span.samples),
      stage('detected_to_written', span.detectedToWritten, span.samples),
      stage('end_to_end', span.endToEnd, span.samples),
    ],
    budget: {
      allowed: budget.allowed,
      slow: budget.slow,
      left_percent: budget.leftPercent,
      burn_rate: budget.burnRate,
      says: budget.says,
    },
  }
}

type Stage = Slo['stages'][number]

const stage = (name: Stage['stage'], times: Percentiles, samples: number): Stage => ({
  stage: name,
  p50_ms: times?.[0] ?? null,
  p95_ms: samples < SAMPLES_NEEDED.p95 ? null : (times?.[1] ?? null),
  p99_ms: samples < SAMPLES_NEEDED.p99 ? null : (times?.[2] ?? null),
})
