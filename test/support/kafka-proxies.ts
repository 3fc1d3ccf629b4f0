import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

/**
 * What becomes of a produce request: it passes; it is passed on and the connection is cut instead of the answer; or it
 * is held, neither passed on nor answered, until the connections of its broker are cut.
 */
export type ProduceFate = 'pass' | 'lose-answer' | 'hold'

export interface KafkaProxies {
  /** For a kafkajs client that is to reach the brokers through the proxies, whatever address they advertise. */
  readonly socketFactory: ISocketFactory
  /** Asked for each produce request, with the port of the broker that it is for. */
  decide: (port: number) => ProduceFate
  /** Told of each answer to a produce request that was passed back. */
  onAnswer: (port: number) => void
  /** Cuts every connection to a broker; new ones are made as before. */
  cut: (port: number) => void
  close: () => Promise<void>
}

const PRODUCE = 0

/** A proxy in front of each broker that knows produce requests from others, so that faults need no luck. */
export async function startKafkaProxies(brokers: readonly string[]): Promise<KafkaProxies> {
  const ports = brokers.map((address) => Number(new URL(`kafka://${address}`).port))
  const open = new Map<number, Set<Socket>>(ports.map((port) => [port, new Set<Socket>()]))
  const proxies: KafkaProxies = {
    socketFactory: ({ port, onConnect }) => connect({ host: '127.0.0.1', port: proxyOf.get(port) ?? port }, onConnect),
    decide: () => 'pass',
    onAnswer: () => undefined,
    cut: (port) => open.get(port)?.forEach((socket) => socket.destroy()),
    close: async () => {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve).closeAll())))
    },
  }
  const servers: (Server & { closeAll: () => void })[] = []
  const proxyOf = new Map<number, number>()
  for (const port of ports) {
    const server = createServer((client) => join(client, port, proxies, open.get(port) ?? new Set()))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(Object.assign(server, { closeAll: () => proxies.cut(port) }))
    proxyOf.set(port, (server.address() as AddressInfo).port)
  }
  return proxies
}

/** Joins a client with its broker. A broker that dies does not end the client's connection: only a cut does. */
function join(client: Socket, port: number, proxies: KafkaProxies, open: Set<Socket>): void {
  const broker = connect({ host: '127.0.0.1', port })
  const produced = new Map<number, ProduceFate>()
  let isHeld = false
  const end = () => [client, broker].forEach((socket) => socket.destroy())
  open.add(client)
  client.on('error', end).on('close', () => {
    open.delete(client)
    end()
  })
  broker.on('error', () => undefined).on('close', () => isHeld || end())
  eachFrame(client, (frame) => {
    if (frame.readInt16BE(4) === PRODUCE) {
      const fate = proxies.decide(port)
      produced.set(frame.readInt32BE(8), fate)
      isHeld ||= fate === 'hold'
    }
    if (!isHeld) broker.write(frame)
  })
  eachFrame(broker, (frame) => {
    const fate = produced.get(frame.readInt32BE(4))
    if (fate === 'lose-answer') {
      end()
      return
    }
    if (!client.destroyed) client.write(frame)
    if (fate !== undefined) proxies.onAnswer(port)
  })
}

/** Cuts a stream into Kafka's frames: four bytes of length, and as many bytes. */
function eachFrame(socket: Socket, use: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      const frame = rest.subarray(0, end)
      rest = rest.subarray(end)
      if (!socket.destroyed) use(frame)
    }
  })
}
