/*
 * How many messages a second the producer has acknowledged by three brokers (replication 3, two in sync), then with one
 * killed under way, then with that one still down. `npm run bench -- produce [messages] [rounds]`
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { startServers, type RunningServers } from '../deploy/local/servers.js'
import { ensureTopics, withAdmin } from '../platform/kafka/admin.js'
import { createKafka } from '../platform/kafka/client.js'
import { startProducer, type Producer } from '../platform/kafka/producer.js'
import { createLogger } from '../platform/logger.js'
import { median } from './stage.js'

const TOPIC = 'bench-produce'
const PARTITIONS = 6
const MESSAGE_BYTES = 200
const SEND = 100
const IN_FLIGHT = 64

interface Run {
  readonly perSecond: number
  readonly failed: number
}

/** Sends `count` messages, in sends of 100 with 64 waiting for their answer; `atHalf` happens half-way. */
async function run(producer: Producer, count: number, atHalf: () => void = () => undefined): Promise<Run> {
  const value = randomBytes(MESSAGE_BYTES)
  const sends = Math.ceil(count / SEND)
  let [next, failed] = [0, 0]
  const worker = async () => {
    for (let send = next++; send < sends; send = next++) {
      if (send === sends >> 1) atHalf()
      const records = Array.from({ length: SEND }, (_, n) => ({ topic: TOPIC, key: `${send}-${n}`, value }))
      await producer.send(records).catch(() => (failed += SEND))
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const seconds = (performance.now() - startedAt) / 1_000
  return { perSecond: (sends * SEND - failed) / seconds, failed }
}

/** Waits until all replicas of the topic are in sync again. */
async function inSync(kafka: Kafka): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { topics } = await withAdmin(kafka, (admin) => admin.fetchTopicMetadata({ topics: [TOPIC] }))
    const partitions = topics[0]?.partitions ?? []
    if (partitions.length === PARTITIONS && partitions.every(({ isr }) => isr.length === 3)) return
    await sleep(200)
  }
  throw new Error('the broker did not catch up within a minute')
}

async function round(servers: RunningServers, kafka: Kafka, producer: Producer, messages: number, victim: number) {
  const broker = servers.brokers[victim]
  if (broker === undefined) throw new Error('the bench needs three brokers')
  const all = await run(producer, messages)
  const killed = await run(producer, messages, () => broker.kill('SIGKILL'))
  const two = await run(producer, messages)
  await broker.restart()
  await inSync(kafka)
  return { all, killed, two }
}

/** Prints a table of medians and their ratios. */
export async function produce(messages: number, rounds: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'guardian-bench-'))
  chmodSync(dataDir, 0o711)
  const password = randomBytes(12).toString('hex')
  const servers = await startServers({
    parts: ['kafka'],
    dataDir,
    ports: 'free',
    env: process.env,
    brokers: 3,
    password,
  })
  try {
    const log = createLogger('bench', 'fatal')
    const brokers = (servers.kafkaBrokers ?? '').split(',')
    const kafka = createKafka({ brokers, clientId: 'bench', requestTimeoutMs: 30_000 }, log)
    const config = { 'min.insync.replicas': '2', 'message.timestamp.type': 'LogAppendTime' }
    await ensureTopics(kafka, [{ topic: TOPIC, partitions: PARTITIONS, replicationFactor: 3, config }], log)
    const { value: producer, stop } = await startProducer(kafka, {}, log)
    await run(producer, messages) // the first messages find cold servers
    const figures: Awaited<ReturnType<typeof round>>[] = []
    for (let n = 0; n < rounds; n++) figures.push(await round(servers, kafka, producer, messages, n % 3))
    await stop()
    report(messages, figures)
  } finally {
    await servers.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

function report(messages: number, figures: readonly Awaited<ReturnType<typeof round>>[]): void {
  const rows = [
    ['three brokers', figures.map(({ all }) => all)],
    ['one killed -9 half-way', figures.map(({ killed }) => killed)],
    ['that one still down', figures.map(({ two }) => two)],
  ] as const
  const normal = median(figures.map(({ all }) => all.perSecond))
  const size = `${messages.toLocaleString('en')} messages of ${MESSAGE_BYTES} bytes`
  console.log(`${size}, ${PARTITIONS} partitions, medians of ${figures.length} rounds\n`)
  console.log('| | messages/s | ratio | failed |\n|---|---|---|---|')
  for (const [name, runs] of rows) {
    const perSecond = median(runs.map((of) => of.perSecond))
    const failed = runs.reduce((sum, of) => sum + of.failed, 0)
    console.log(
      `| ${name} | ${Math.round(perSecond).toLocaleString('en')} | ${(perSecond / normal).toFixed(2)} | ${failed} |`,
    )
  }
}
