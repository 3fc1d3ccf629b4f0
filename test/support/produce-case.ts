import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { TOPICS } from '../../domain/events.js'
import { createEncoder } from '../../platform/avro/codec.js'
import { packageRoot } from '../../platform/package-root.js'

/** A file of `test/fixtures/cases`. */
export const caseFile = (name: string): string => join(packageRoot, 'test', 'fixtures', 'cases', name)

export interface CaseProduction {
  readonly brokers: readonly string[]
  /** Events as lines of JSON, without id and times. */
  readonly file: string
  /** @default the clicks */
  readonly topic?: string
  /** More events, behind those of the file. */
  readonly others?: readonly ({ readonly session_id: string } & Readonly<Record<string, unknown>>)[]
  /** The schema that they are written by, and the id in front. */
  readonly schema: string
  readonly schemaId: number
  readonly eventTs?: number
  /** Where they go, whatever their session; without it, the key decides. */
  readonly partition?: number
  readonly withKey?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** Makes the ids of one production differ from those of another. */
  readonly prefix?: string
  readonly from?: number
  readonly to?: number
}

/** Writes the events of a case straight into Kafka, as somebody else's producer does. @returns how many */
export async function produceCase(options: CaseProduction): Promise<number> {
  const { brokers, file, schema, schemaId, partition, headers = {}, prefix = '', withKey = true } = options
  const encode = createEncoder(schema, schemaId)
  const nowMs = Date.now()
  const ofFile = readFileSync(caseFile(file), 'utf8')
    .trim()
    .split('\n')
    .map((line, i) => ({
      event_id: `${prefix}${file}-${i}`,
      event_ts: options.eventTs ?? nowMs,
      ingest_ts: nowMs,
      ...(JSON.parse(line) as { session_id: string }),
    }))
    .slice(options.from ?? 0, options.to)
  const events = [...ofFile, ...(options.others ?? []).map((other) => ({ ingest_ts: nowMs, ...other }))]
  const producer = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).producer()
  await producer.connect()
  try {
    const messages = events.map((event) => ({
      key: withKey ? event.session_id : null,
      value: encode(event),
      headers,
      ...(partition === undefined ? {} : { partition }),
    }))
    await producer.send({ topic: options.topic ?? TOPICS.clicks, acks: -1, messages })
  } finally {
    await producer.disconnect()
  }
  return events.length
}
