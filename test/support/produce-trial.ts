import kafkajs, { type Producer as KafkajsProducer } from 'kafkajs'
import { createKafka } from '../../platform/kafka/client.js'
import { startProducer, type ProducerOptions } from '../../platform/kafka/producer.js'
import { createLogger } from '../../platform/logger.js'
import { readTopics } from './dump-topic.js'
import type { KafkaProxies } from './kafka-proxies.js'

export const CLIENTS = ['kafkajs', 'kafkajs idempotent', 'project'] as const
export type ClientName = (typeof CLIENTS)[number]

/** A producer under test; kafkajs with its own defaults and acks=all, or the project's. */
export interface TrialClient {
  send: (topic: string, records: readonly { readonly partition: number; readonly id: string }[]) => Promise<void>
  stop: () => Promise<void>
}

/** Opens a producer that reaches the brokers through the proxies. @param options for the project's own */
export async function openClient(
  name: ClientName,
  brokers: readonly string[],
  { socketFactory }: Pick<KafkaProxies, 'socketFactory'>,
  options: ProducerOptions = {},
): Promise<TrialClient> {
  if (name === 'project') {
    const log = createLogger('trial', 'fatal')
    const kafka = createKafka({ brokers, clientId: 'trial', requestTimeoutMs: 30_000, socketFactory }, log)
    const { value, stop } = await startProducer(kafka, options, log)
    return {
      send: (topic, records) =>
        value.send(records.map(({ partition, id }) => ({ topic, partition, key: id, value: Buffer.from(id) }))),
      stop,
    }
  }
  const logLevel = kafkajs.logLevel.NOTHING
  const kafka = new kafkajs.Kafka({ clientId: 'trial', brokers: [...brokers], logLevel, socketFactory })
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner
  const producer: KafkajsProducer = kafka.producer({ idempotent: name === 'kafkajs idempotent', createPartitioner })
  await producer.connect()
  return {
    send: async (topic, records) => {
      const messages = records.map(({ partition, id }) => ({ partition, key: id, value: id }))
      await producer.send({ topic, acks: -1, messages })
    },
    stop: () => producer.disconnect(),
  }
}

/** What became of the records of a trial. */
export interface TrialResult {
  readonly acknowledged: number
  /** Not acknowledged: what became of these, the producer does not claim to know. */
  readonly failed: number
  /** Acknowledged, and not in the log. */
  readonly lost: number
  /** Copies in the log beyond the first. */
  readonly duplicated: number
}

/** Compares what was acknowledged with what the topic holds. */
export async function settle(
  brokers: readonly string[],
  topic: string,
  acknowledged: ReadonlySet<string>,
  failed: number,
): Promise<TrialResult> {
  const log = await readTopics(brokers, [topic])
  const inLog = new Set(log.map(({ value }) => Buffer.from(value ?? '', 'base64').toString()))
  const lost = [...acknowledged].filter((id) => !inLog.has(id)).length
  return { acknowledged: acknowledged.size, failed, lost, duplicated: log.length - inLog.size }
}

export interface LostAnswers {
  readonly client: ClientName
  readonly topic: string
  /** Each send has one record for every partition. */
  readonly partitions: number
  readonly inFlight: number
  /** How many answers are lost: that of every third produce request, until there are so many. */
  readonly cuts: number
}

/** Bounds a trial whose client makes no more requests. */
const LONGEST_TRIAL_MS = 60_000
/** A send that is not answered by then counts as failed: with its defaults, kafkajs can wait without an end. */
const LONGEST_SEND_MS = 30_000

/** Sends until the answers are lost and something has passed after the last of them. */
export async function loseAnswers(
  brokers: readonly string[],
  proxies: KafkaProxies,
  { client, topic, partitions, inFlight, cuts }: LostAnswers,
): Promise<TrialResult> {
  const endsAt = performance.now() + LONGEST_TRIAL_MS
  let [requests, lost, sends, failed] = [0, 0, 0, 0]
  proxies.decide = () => {
    requests++
    if (lost >= cuts || requests % 3 !== 0) return 'pass'
    lost++
    return 'lose-answer'
  }
  const producer = await openClient(client, brokers, proxies)
  const acknowledged = new Set<string>()
  const worker = async () => {
    for (let after = 0; after < 3 && performance.now() < endsAt; after += lost >= cuts ? 1 : 0) {
      const send = sends++
      const records = Array.from({ length: partitions }, (_, partition) => ({ partition, id: `${send}/${partition}` }))
      await within(LONGEST_SEND_MS, producer.send(topic, records)).then(
        () => records.forEach(({ id }) => acknowledged.add(id)),
        () => (failed += records.length),
      )
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  proxies.decide = () => 'pass'
  await within(LONGEST_SEND_MS, producer.stop()).catch(() => undefined) // one that hangs in a send may hang here, too
  if (lost < cuts && client === 'project')
    throw new Error(`it made ${requests} requests; only ${lost} of ${cuts} answers could be lost`)
  return settle(brokers, topic, acknowledged, failed)
}

function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms`)), limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
