import { z } from 'zod'
import { errorBudget, RELIABLE_SAMPLES, type Objective } from '../../domain/slo/error-budget.js'
import { Timestamp, wholeNumber } from './parameters.js'

export const SLO_HOURS_MAX = 720

export const SloQuery = z.strictObject({
  hours: wholeNumber(1, SLO_HOURS_MAX, 24).meta({ description: 'Anomalies first written in the last so many hours' }),
})

const duration = z.number().min(0).nullable()
const Stage = z.strictObject({
  stage: z.enum(['produced_to_kafka', 'kafka_to_detected', 'detected_to_written', 'end_to_end']),
  p50_ms: duration,
  p95_ms: duration,
  p99_ms: duration,
})

export const Slo = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    objective: z.strictObject({
      target_ms: z.number(),
      percent: z.number().meta({ description: 'Of the anomalies are written within target_ms of being produced' }),
    }),
    samples: z.int().min(0),
    is_reliable: z.boolean().meta({ description: `Whether there are ${RELIABLE_SAMPLES} samples or more` }),
    stages: z.array(Stage),
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
  return {
    from: ago(hours).toISOString(),
    to: now.toISOString(),
    objective: { target_ms: objective.targetMs, percent: objective.percent },
    samples: span.samples,
    is_reliable: span.samples >= RELIABLE_SAMPLES,
    stages: [
      stage('produced_to_kafka', span.producedToKafka),
      stage('kafka_to_detected', span.kafkaToDetected),
      stage('detected_to_written', span.detectedToWritten),
      stage('end_to_end', span.endToEnd),
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

const stage = (name: Slo['stages'][number]['stage'], times: Percentiles): Slo['stages'][number] => ({
  stage: name,
  p50_ms: times?.[0] ?? null,
  p95_ms: times?.[1] ?? null,
  p99_ms: times?.[2] ?? null,
})
