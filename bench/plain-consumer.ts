/*
 * The ruler: a plain kafkajs consumer that decodes every value with Avro and does nothing else. Run by `drain.ts` as a
 * process of its own: brokers, schema file, group, records to read.
 */
import { readFileSync } from 'node:fs'
import avsc, { type Schema } from 'avsc'
import kafkajs from 'kafkajs'
import { TOPICS } from '../domain/events.js'

const [brokers = '', schemaFile = '', groupId = '', records = '0', maxBytes = '0', maxBytesPerPartition = '0'] =
  process.argv.slice(2)
const type = avsc.Type.forSchema(JSON.parse(readFileSync(schemaFile, 'utf8')) as Schema, { wrapUnions: false })
const consumer = new kafkajs.Kafka({
  clientId: 'plain',
  brokers: brokers.split(','),
  logLevel: kafkajs.logLevel.ERROR,
}).consumer({
  groupId,
  maxBytes: Number(maxBytes),
  maxBytesPerPartition: Number(maxBytesPerPartition),
  maxWaitTimeInMs: 100,
})
let read = 0
let startedAt = 0
let cpuAtStart = process.cpuUsage()
let peakRss = 0
await consumer.connect()
await consumer.subscribe({ topics: [TOPICS.clicks], fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatch: ({ batch }) => {
    if (startedAt === 0) {
      startedAt = performance.now()
      cpuAtStart = process.cpuUsage()
    }
    for (const { value } of batch.messages) if (value && type.decode(value, 5).value) read++
    peakRss = Math.max(peakRss, process.memoryUsage.rss())
    if (read >= Number(records)) {
      const { user, system } = process.cpuUsage(cpuAtStart)
      const seconds = (performance.now() - startedAt) / 1_000
      process.stdout.write(
        `${JSON.stringify({ records: read, seconds, cpuSeconds: (user + system) / 1e6, peakRssBytes: peakRss })}\n`,
        () => process.exit(0),
      )
    }
    return Promise.resolve()
  },
})
