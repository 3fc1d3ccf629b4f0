import { brokerDiesBetweenAnswers } from '../../support/broker-dies.js'
import { startKafkaProxies, type KafkaProxies } from '../../support/kafka-proxies.js'
import { CLIENTS, loseAnswers, type ClientName, type TrialResult } from '../../support/produce-trial.js'
import { startThreeBrokers, type ThreeBrokers } from '../../support/three-brokers.js'
import type { Row, RowSettings } from '../row.js'

const PARTITIONS = 6
const RECORDS_PER_SEND = 20

interface Tally {
  acknowledged: number
  failed: number
  lost: number
  duplicated: number
}

/** Lost answers and a broker that dies between answers, in front of three clients; only the project's may pass. */
export const row: Row = {
  id: 'A6',
  fault: 'answers to produce requests are lost; a broker dies after another has answered, and that one takes over',
  invariant: 'no acknowledged record is lost; stock kafkajs loses some under the same faults',
  quick: true,
  run: async (settings) => {
    const { quick } = settings
    const cuts = quick ? 6 : 25
    const kills = quick ? 1 : 4
    const inFlight = quick ? [1, 8] : [1, 8, 64]
    const cluster = await startThreeBrokers()
    const proxies = await startKafkaProxies(cluster.addresses)
    try {
      const answers = await loseAnswersOfAll(cluster, proxies, inFlight, cuts, settings)
      const deaths = await killBrokers(cluster, proxies, kills, settings)
      const differences: string[] = []
      for (const { lost, failed } of [answers.project, deaths.project])
        if (lost + failed > 0) differences.push(`the project's producer: ${lost} lost, ${failed} failed`)
      if (answers['kafkajs idempotent'].lost === 0) differences.push('idempotent kafkajs lost nothing: no fault')
      for (const stock of ['kafkajs', 'kafkajs idempotent'] as const)
        if (deaths[stock].lost === 0) differences.push(`${stock} lost nothing to a dying broker: no fault`)
      const figures = (of: Record<ClientName, Tally>) => CLIENTS.map((client) => said(client, of[client])).join('; ')
      return {
        held: differences.length === 0,
        figure: `answers lost: ${figures(answers)}. Broker killed: ${figures(deaths)}`,
        configuration: {
          brokers: 3,
          replication: 3,
          minInsync: 2,
          cutsPerCase: cuts,
          inFlight: inFlight.join(', '),
          partitionsPerSend: `1, ${PARTITIONS}`,
          kills,
          recordsPerSendWhenKilled: RECORDS_PER_SEND,
          kafkajs: '2.2.4, acks=all, its own defaults',
        },
        differences,
      }
    } finally {
      await proxies.close()
      await cluster.stop()
    }
  },
}

const none = (): Record<ClientName, Tally> => ({
  kafkajs: { acknowledged: 0, failed: 0, lost: 0, duplicated: 0 },
  'kafkajs idempotent': { acknowledged: 0, failed: 0, lost: 0, duplicated: 0 },
  project: { acknowledged: 0, failed: 0, lost: 0, duplicated: 0 },
})

function add(tally: Tally, { acknowledged, failed, lost, duplicated }: TrialResult): void {
  tally.acknowledged += acknowledged
  tally.failed += failed
  tally.lost += lost
  tally.duplicated += duplicated
}

const said = (client: string, { acknowledged, failed, lost, duplicated }: TrialResult): string =>
  `${client} ${acknowledged} acknowledged, ${lost} lost, ${duplicated} duplicated${failed > 0 ? `, ${failed} failed` : ''}`

/** Every client, number of sends in flight and width of a send in turn. */
async function loseAnswersOfAll(
  cluster: ThreeBrokers,
  proxies: KafkaProxies,
  inFlights: readonly number[],
  cuts: number,
  settings: RowSettings,
): Promise<Record<ClientName, Tally>> {
  const tallies = none()
  for (const client of CLIENTS)
    for (const partitions of [1, PARTITIONS])
      for (const inFlight of inFlights) {
        const topic = `answers-${client.replaceAll(' ', '-')}-${partitions}-${inFlight}`
        const replicas = Array.from({ length: partitions }, (_, n) => [0, 1, 2].map((k) => 1 + ((n + k) % 3)))
        await cluster.createTopic(topic, replicas)
        const result = await loseAnswers(cluster.addresses, proxies, { client, topic, partitions, inFlight, cuts })
        add(tallies[client], result)
        settings.say(
          `${cuts} answers lost, ${partitions} partitions a send, ${inFlight} in flight: ${said(client, result)}`,
        )
      }
  return tallies
}

/** Kills each broker in turn, and gives it back. */
async function killBrokers(
  cluster: ThreeBrokers,
  proxies: KafkaProxies,
  kills: number,
  settings: RowSettings,
): Promise<Record<ClientName, Tally>> {
  const tallies = none()
  for (let kill = 0; kill < kills; kill++) {
    const [survivor, victim] = [1 + (kill % 3), 1 + ((kill + 1) % 3)]
    const name = `dies-${kill}`
    const results = await brokerDiesBetweenAnswers(cluster, proxies, {
      name,
      survivor,
      victim,
      records: RECORDS_PER_SEND,
    })
    for (const [client, result] of results) {
      add(tallies[client], result)
      settings.say(`broker ${victim} killed after broker ${survivor} had answered: ${said(client, result)}`)
    }
    if (kill + 1 === kills) break
    await cluster.broker(victim).restart()
    await cluster.inSync()
  }
  return tallies
}
