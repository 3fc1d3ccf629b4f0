import { waitUntil } from './child-process.js'
import type { KafkaProxies } from './kafka-proxies.js'
import { CLIENTS, openClient, settle, type ClientName, type TrialResult } from './produce-trial.js'
import type { ThreeBrokers } from './three-brokers.js'

export interface BrokerDies {
  /** Tells the topics of this trial from those of others. */
  readonly name: string
  /** The broker that answers, and that will lead the other's partition, too. */
  readonly survivor: number
  /** The broker that is killed with the request in its hands. */
  readonly victim: number
  readonly records: number
}

/**
 * One send of each client to two partitions, led by two brokers: the first has answered when the second is killed with
 * -9, and its partition goes to the first. The victim stays down.
 */
export async function brokerDiesBetweenAnswers(
  cluster: ThreeBrokers,
  proxies: KafkaProxies,
  { name, survivor, victim, records }: BrokerDies,
): Promise<Map<ClientName, TrialResult>> {
  const third = [1, 2, 3].find((id) => id !== survivor && id !== victim) ?? 0
  const topics = new Map(CLIENTS.map((client) => [client, `${name}-${client.replaceAll(' ', '-')}`]))
  for (const topic of topics.values())
    await cluster.createTopic(topic, [
      [survivor, victim, third],
      [victim, survivor, third],
    ])
  const clients = new Map<ClientName, Awaited<ReturnType<typeof openClient>>>()
  for (const client of CLIENTS) clients.set(client, await openClient(client, cluster.addresses, proxies))
  let [held, answered] = [0, 0]
  proxies.decide = (port) => {
    if (port !== cluster.portOf(victim)) return 'pass'
    held++
    return 'hold'
  }
  proxies.onAnswer = () => answered++
  const batch = Array.from({ length: records }, (_, n) => ({ partition: n % 2, id: String(n) }))
  const sends = [...clients].map(async ([client, { send }]) => {
    const topic = topics.get(client) ?? ''
    return send(topic, batch).then(
      () => ({ client, topic, acknowledged: new Set(batch.map(({ id }) => id)), failed: 0 }),
      () => ({ client, topic, acknowledged: new Set<string>(), failed: batch.length }),
    )
  })
  const all = CLIENTS.length
  const state = () => `${answered} answers of ${all} given and ${held} requests of ${all} held`
  await waitUntil(state, 30_000, () => Promise.resolve(answered >= all && held >= all), 10)
  cluster.broker(victim).kill('SIGKILL')
  await cluster.broker(victim).exited
  for (const topic of topics.values())
    await waitUntil(
      () => `broker ${survivor} leads ${topic}`,
      60_000,
      async () => (await cluster.leadersOf(topic)).every((leader) => leader === survivor),
    )
  proxies.decide = () => 'pass'
  proxies.onAnswer = () => undefined
  proxies.cut(cluster.portOf(victim))
  const results = new Map<ClientName, TrialResult>()
  for (const { client, topic, acknowledged, failed } of await Promise.all(sends)) {
    await clients.get(client)?.stop()
    results.set(client, await settle(cluster.addresses, topic, acknowledged, failed))
  }
  return results
}
